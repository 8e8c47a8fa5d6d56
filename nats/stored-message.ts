// Reads single messages of a stream from its leader, without a consumer: for compare-and-set decisions (a follower
// may be behind), for audits, and for peeking into work queues, which allow no second consumer.
import { JetStreamApiError } from '@nats-io/jetstream';
import { type MsgHdrs, MsgHdrsImpl } from 'nats';
import type { NatsLink } from './connection.ts';
import { RequestTimeout } from './errors.ts';
import { isPassingCode, patiently } from './patience.ts';

const REQUEST_TIMEOUT_MS = 3_000;
const NO_MESSAGE = 10_037;

/** One message as the stream holds it. */
export interface StoredMessage {
  readonly subject: string;
  readonly sequence: number;
  readonly data: Uint8Array;
  /** When it was stored, RFC 3339 in UTC with nanoseconds. */
  readonly storedAt: string;
  header(name: string): string | undefined;
  /** All headers; the first value of each. */
  headers(): Readonly<Record<string, string>>;
}

/** An error answer of the JetStream API. */
export class JetStreamRefused extends Error {
  override readonly name = 'JetStreamRefused';
  /** JetStream's own code, e.g. 10059 for a stream which does not exist. */
  readonly code: number;

  constructor(subject: string, code: number, description: string) {
    super(`${subject} answered ${code}: ${description}`);
    this.code = code;
  }
}

/** Code of "stream not found". */
export const STREAM_NOT_FOUND = 10_059;
/** Code of "consumer not found". */
export const CONSUMER_NOT_FOUND = 10_014;

interface ApiAnswer {
  readonly error?: { readonly err_code?: number; readonly code?: number; readonly description?: string };
  readonly message?: {
    readonly subject: string;
    readonly seq: number;
    readonly data?: string;
    readonly hdrs?: string;
    readonly time: string;
  };
}

/** What to read: one sequence, the last of a subject, or the first of a subject filter from a sequence on. */
export type MessageQuery =
  | { readonly seq: number }
  | { readonly last_by_subj: string }
  | { readonly seq: number; readonly next_by_subj: string };

/**
 * Reads one message from the leader, or `undefined` where there is none. Waits out a server which is away or
 * starting, and an election, for up to 30 s.
 * @throws JetStreamRefused, RequestTimeout, NoResponders, LinkClosed
 */
export async function readStored(
  link: NatsLink,
  stream: string,
  query: MessageQuery,
): Promise<StoredMessage | undefined> {
  const answer = await apiRequest(link, `STREAM.MSG.GET.${stream}`, query);
  if (answer.error !== undefined) {
    const code = answer.error.err_code ?? answer.error.code ?? 0;
    if (code === NO_MESSAGE) return undefined;
    throw new JetStreamRefused(`reading ${stream}`, code, answer.error.description ?? '');
  }
  return answer.message === undefined ? undefined : storedMessage(answer.message);
}

/**
 * The first message of `subject` at or after `sequence`, by the short way which any replica may answer: for messages
 * which never change. `undefined` where the replica has none; only the leader's word is final.
 */
export async function readDirect(
  link: NatsLink,
  stream: string,
  sequence: number,
  subject: string,
): Promise<{ readonly sequence: number; readonly data: Uint8Array } | undefined> {
  const query = JSON.stringify({ seq: sequence, next_by_subj: subject });
  const answer = await patiently(link, () =>
    link.requestMessage(`$JS.API.DIRECT.GET.${stream}`, query, REQUEST_TIMEOUT_MS),
  );
  const { headers } = answer;
  if (headers === undefined || headers.code !== 0) return undefined;
  return { sequence: Number(headers.get('Nats-Sequence')), data: answer.data };
}

/** The last message of `subject`, by the same short way: `undefined` where the replica that answers has none. */
export async function readLastDirect(
  link: NatsLink,
  stream: string,
  subject: string,
): Promise<Uint8Array | undefined> {
  return patiently(link, () => readNearby(link, stream, subject, REQUEST_TIMEOUT_MS));
}

/** As `readLastDirect`, asked once. @throws NoResponders, RequestTimeout, LinkClosed */
export async function readNearby(
  link: NatsLink,
  stream: string,
  subject: string,
  timeoutMs: number,
): Promise<Uint8Array | undefined> {
  const answer = await link.requestMessage(`$JS.API.DIRECT.GET.${stream}.${subject}`, '', timeoutMs);
  // A plain copy: what came is a Buffer over the connection's own.
  return answer.headers?.code === 0 ? new Uint8Array(answer.data) : undefined;
}

async function apiRequest(link: NatsLink, operation: string, payload: object): Promise<ApiAnswer> {
  const subject = `$JS.API.${operation}`;
  return patiently(link, async () => {
    const message = await link.requestMessage(subject, JSON.stringify(payload), REQUEST_TIMEOUT_MS);
    const answer = JSON.parse(message.string()) as ApiAnswer;
    // Without a leader for now: as good as no answer.
    if (isPassingCode(answer.error?.err_code ?? 0)) throw new RequestTimeout(subject, REQUEST_TIMEOUT_MS);
    return answer;
  });
}

function storedMessage(raw: NonNullable<ApiAnswer['message']>): StoredMessage {
  let parsed: MsgHdrs | undefined;
  const all = () => {
    parsed ??=
      raw.hdrs === undefined ? new MsgHdrsImpl() : MsgHdrsImpl.decode(Buffer.from(raw.hdrs, 'base64'));
    return parsed;
  };
  return {
    subject: raw.subject,
    sequence: raw.seq,
    data: new Uint8Array(Buffer.from(raw.data ?? '', 'base64')),
    storedAt: raw.time,
    header(name) {
      const headers = all();
      return headers.has(name) ? headers.get(name) : undefined;
    },
    headers() {
      const headers = all();
      return Object.fromEntries(headers.keys().map((name) => [name, headers.get(name)]));
    },
  };
}

/** `absent` where the server has no such thing, by the code of its answer. */
export async function absentAs<T, A>(absent: A, code: number, request: Promise<T>): Promise<T | A> {
  try {
    return await request;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === code) return absent;
    throw error;
  }
}
