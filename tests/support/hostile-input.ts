// What one row of the table of hostile inputs is, and the world that its messages refer to.
import type { DeadReason } from '#actors';

/** What becomes of a message, and of the item in it. */
export type Expected =
  | { readonly outcome: 'dead'; readonly reason: DeadReason }
  /** By the rules: the item is in the manifest, as rejected or in review. */
  | { readonly outcome: 'kept' | 'rejected' | 'review' }
  /** The publisher gets an error at once; nothing is stored. */
  | { readonly outcome: 'not accepted' }
  /** The publisher is told that its message was stored before. */
  | { readonly outcome: 'stored before' };

/** A message as any NATS client may publish it. */
export interface HostileMessage {
  readonly data: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** The `Nats-Msg-Id`. */
  readonly messageId?: string;
  /** Default: the dataset under test. */
  readonly dataset?: string;
}

/** Where the content of references lies. */
export interface HostileWorld {
  /** A folder that the node may read. */
  readonly root: string;
  /** URL of a path on a web server that the node may fetch from; the host is another name of it. */
  url(path: string, host?: string): string;
  /** Puts a body into the uploads bucket; gives its URI. */
  upload(name: string, body: Uint8Array | AsyncIterable<Uint8Array>): Promise<string>;
  /** Writes the description of an upload, and nothing else; gives its URI. */
  describe(name: string, description: object): Promise<string>;
}

export interface HostileInput {
  /** Unique. It is the id of the item, unless the id is what is hostile. */
  readonly name: string;
  /** What it is, for the documentation. */
  readonly what: string;
  readonly by: 'bytes in the message' | 'JSON' | 'header' | 'file' | 'upload' | 'web' | 'URI';
  readonly expected: Expected;
  /** A remark on the outcome, for the documentation. */
  readonly remark?: string;
  /** The message; where there are several, the outcome is that of the last, and those before it are good items. */
  make(world: HostileWorld): Promise<readonly HostileMessage[]>;
}

export const dead = (reason: DeadReason): Expected => ({ outcome: 'dead', reason });
export const kept: Expected = { outcome: 'kept' };

/** A message with the content in it. */
export function bytesMessage(
  id: string,
  data: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): HostileMessage {
  return { data, headers: { 'Content-Type': 'application/octet-stream', 'Troupe-Id': id, ...headers } };
}

/** A JSON message, from a value or as it stands. */
export function jsonMessage(
  body: object | string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): HostileMessage {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const data = body instanceof Uint8Array ? body : Buffer.from(text);
  return { data, headers: { 'Content-Type': 'application/json', ...headers } };
}
