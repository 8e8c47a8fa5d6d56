// Deletes one message of a stream for good: for dead letters that a person retried or purged.
import type { NatsLink } from './connection.ts';
import { messageAt } from './inspect.ts';
import { patiently } from './patience.ts';
import { JetStreamRefused } from './stored-message.ts';

const REQUEST_TIMEOUT_MS = 5_000;

/**
 * Deletes the message at `sequence` and overwrites its bytes on disk; one that is gone already is no error.
 * @throws JetStreamRefused, NoResponders, RequestTimeout
 */
export async function deleteMessage(link: NatsLink, stream: string, sequence: number): Promise<void> {
  const query = JSON.stringify({ seq: sequence, no_erase: false });
  const subject = `$JS.API.STREAM.MSG.DELETE.${stream}`;
  const message = await patiently(link, () => link.requestMessage(subject, query, REQUEST_TIMEOUT_MS));
  const { error } = message.json<{
    readonly error?: { readonly err_code?: number; readonly code?: number; readonly description?: string };
  }>();
  if (error === undefined) return;
  // Versions differ in what they answer for a message that is not there, so that is looked at itself.
  if ((await messageAt(link, stream, sequence)) === undefined) return;
  throw new JetStreamRefused(
    `deleting from ${stream}`,
    error.err_code ?? error.code ?? 0,
    error.description ?? '',
  );
}
