// The messages of a JetStream stream that the user already has, as items: read in order and without a consumer, so
// that nothing is taken from it. The id is a header's, else `STREAM/sequence`, which stays the same for ever.
import {
  eachMessage,
  JetStreamRefused,
  messageAt,
  type NatsLink,
  type StoredMessage,
  streamState,
} from '#nats';
import { CommandError } from '../command-error.ts';
import type { PublishSource } from './publish-source.ts';

const KEPT_HEADERS = ['Content-Type', 'Troupe-Source', 'Troupe-Time'] as const;

export interface StreamSelection {
  readonly stream: string;
  /** Subject filter, may have wildcards. */
  readonly filter?: string;
  /** First sequence to read. */
  readonly fromSequence: number;
  /** Sequences before it which are read again, one by one. */
  readonly again: readonly number[];
  /** Header with the id of a message. */
  readonly idHeader: string;
}

/** What the stream holds now. @throws CommandError `usage` when there is no such stream */
export async function inspectStream(
  link: NatsLink,
  stream: string,
): Promise<{ readonly created: string; readonly lastSequence: number }> {
  try {
    return await streamState(link, stream);
  } catch (cause) {
    if (!(cause instanceof Error) || cause.name !== 'StreamNotFoundError') throw cause;
    throw new CommandError('usage', `--from-stream: expected a stream of the server, got ${stream}`, {
      cause,
    });
  }
}

/** The selected messages, oldest first, up to what was stored when the reading got there. */
export async function* streamItems(
  link: NatsLink,
  selection: StreamSelection,
): AsyncGenerator<PublishSource, void> {
  const { stream, filter, fromSequence, again, idHeader } = selection;
  try {
    for (const sequence of again) {
      const message = await messageAt(link, stream, sequence);
      if (message !== undefined) yield itemOf(stream, idHeader, message);
    }
    const range = { fromSequence, ...(filter !== undefined && { subject: filter }) };
    for await (const message of eachMessage(link, stream, range)) yield itemOf(stream, idHeader, message);
  } catch (cause) {
    if (!(cause instanceof JetStreamRefused)) throw cause;
    throw new CommandError('usage', `--from-stream ${stream}: ${cause.message}`, { cause });
  }
}

function itemOf(stream: string, idHeader: string, message: StoredMessage): PublishSource {
  const headers: Record<string, string> = {};
  for (const name of KEPT_HEADERS) {
    const value = message.header(name);
    if (value !== undefined && value !== '') headers[name] = value;
  }
  const named = message.header(idHeader);
  const id = named === undefined || named === '' ? `${stream}/${message.sequence}` : named;
  return { type: 'message', id, sequence: message.sequence, data: message.data, headers };
}
