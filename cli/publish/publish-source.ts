// What can be published: a file of this machine, a reference that a node resolves, a message of a stream, or a thing
// that turned out to be none of these, which fails by itself and holds nothing else up.

/** What a publisher may say of an item beside its content; the JSON intake message has the same fields. */
export interface Reference {
  readonly uri: string;
  readonly id?: string | undefined;
  readonly source?: string | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  readonly sha256?: string | undefined;
  readonly time?: string | undefined;
}

/** Something to publish. */
export type PublishSource =
  | {
      readonly type: 'file';
      readonly id: string;
      readonly path: string;
      readonly bytes: number;
      /** When its content, name or place last changed, ms since 1970. */
      readonly changedMs?: number;
    }
  | { readonly type: 'reference'; readonly reference: Reference }
  | {
      readonly type: 'message';
      readonly id: string;
      /** Its sequence in the stream that it comes from. */
      readonly sequence: number;
      readonly data: Uint8Array;
      /** Of `Content-Type`, `Troupe-Source` and `Troupe-Time`, those that it has. */
      readonly headers: Readonly<Record<string, string>>;
    }
  | {
      readonly type: 'invalid';
      readonly name: string;
      readonly problem: string;
      /** Its key once it is valid; default: its name. */
      readonly key?: string;
    };

/** What tells an item from the others of the same command, now and when it is run again. */
export function keyOf(item: PublishSource): string {
  switch (item.type) {
    case 'file':
      return fileKey(item.path, item.id);
    case 'reference':
      return `${item.reference.uri} as ${item.reference.id ?? ''}`;
    case 'message':
      return String(item.sequence);
    case 'invalid':
      return item.key ?? item.name;
  }
}

/** The key of a file: one path may be given under several ids. */
export function fileKey(path: string, id: string): string {
  return `${path} as ${id}`;
}

/** How an item is shown to whoever published it. */
export function nameOf(item: PublishSource): string {
  switch (item.type) {
    case 'file':
      return item.path;
    case 'reference':
      return item.reference.id ?? item.reference.uri;
    case 'message':
      return item.id;
    case 'invalid':
      return item.name;
  }
}

/** Bytes that have to be read and sent for an item, as far as they are known. */
export function bytesOf(item: PublishSource): number {
  if (item.type === 'file') return item.bytes;
  return item.type === 'message' ? item.data.byteLength : 0;
}

/** One item cannot be published; the others can. */
export class ItemUnpublishable extends Error {
  override readonly name = 'ItemUnpublishable';
}
