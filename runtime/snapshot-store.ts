// Where an event-sourced state keeps its snapshots: immutable objects named by the digest of their bytes. The
// last two that counted are kept, since the journal keeps its events from the older of them on.
import { createHash } from 'node:crypto';
import { SnapshotUnreadable } from './journal-errors.ts';
import type { ListedBlobStore, SnapshotPointer } from './ports.ts';

/** The snapshots of one journal. */
export class SnapshotStore {
  readonly #blobs: ListedBlobStore;
  readonly #prefix: string;
  /** Digests of those that count, oldest first, two at most. */
  #kept: readonly string[];

  /** @param last the snapshot that counts, as the journal knows it */
  constructor(blobs: ListedBlobStore, prefix: string, last: SnapshotPointer | undefined) {
    this.#blobs = blobs;
    this.#prefix = prefix;
    this.#kept = last === undefined ? [] : [last.digest];
  }

  /**
   * Bytes of the snapshot that counts; `undefined` when there is none yet.
   * @throws SnapshotUnreadable when they are absent or not those of its digest
   */
  async loadLast(): Promise<Uint8Array | undefined> {
    const digest = this.#kept.at(-1);
    if (digest === undefined) return undefined;
    const bytes = await this.#blobs.get(this.#key(digest));
    if (bytes === undefined)
      throw new SnapshotUnreadable(`expected the snapshot ${this.#key(digest)}, but it is absent`);
    const found = digestOf(bytes);
    if (found !== digest) {
      throw new SnapshotUnreadable(
        `expected the snapshot ${this.#key(digest)}, but its bytes have digest ${found}`,
      );
    }
    return bytes;
  }

  /** Stores bytes; they count once the journal has recorded the digest. */
  async put(bytes: Uint8Array): Promise<string> {
    const digest = digestOf(bytes);
    await this.#blobs.put(this.#key(digest), bytes);
    return digest;
  }

  /** The journal has recorded this digest: whatever is older than the last two goes. */
  async recorded(digest: string): Promise<void> {
    const counted = [...this.#kept, digest];
    this.#kept = counted.slice(-2);
    for (const old of counted.slice(0, -2)) {
      if (!this.#kept.includes(old)) await this.#blobs.delete(this.#key(old));
    }
  }

  /** Deletes every snapshot but this one, those that were stored and never counted included. */
  async keepOnly(digest: string): Promise<void> {
    this.#kept = [digest];
    for (const key of await this.#blobs.keys()) {
      if (key.startsWith(this.#key('')) && key !== this.#key(digest)) await this.#blobs.delete(key);
    }
  }

  /** Deletes every snapshot: of a journal that was discarded. */
  static async discard(blobs: ListedBlobStore, prefix: string): Promise<void> {
    for (const key of await blobs.keys()) if (key.startsWith(`${prefix}/`)) await blobs.delete(key);
  }

  #key(digest: string): string {
    return snapshotKey(this.#prefix, digest);
  }
}

/** Name of the object that holds the snapshot with this digest. */
export function snapshotKey(prefix: string, digest: string): string {
  return `${prefix}/${digest}`;
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
