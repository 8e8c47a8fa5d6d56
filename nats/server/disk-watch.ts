// Watches the room on the disk of a data folder. A nats-server that finds its disk full in the middle of a write takes
// no more for that stream until it is restarted, so what writes to it has to pause a little before.
import { statfs } from 'node:fs/promises';

/** Room below which the disk counts as full, and twice of which makes it count as having room again. */
export const DISK_RESERVE_BYTES = 64 * 1024 * 1024;

/** Bytes that ordinary users may still write on the disk of `path`. */
export async function freeBytesOf(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}

/** What changed at a look. */
export type DiskChange = { readonly isFull: boolean; readonly freeBytes: number };

/** The disk of one folder. */
export class DiskWatch {
  readonly #free: () => Promise<number>;
  #isFull = false;

  constructor(free: () => Promise<number>) {
    this.#free = free;
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  /** Looks; resolves to what is different from the look before. A disk that cannot be looked at stays as it was. */
  async look(): Promise<DiskChange | undefined> {
    const freeBytes = await this.#free().catch(() => undefined);
    if (freeBytes === undefined) return undefined;
    const isFull = freeBytes < DISK_RESERVE_BYTES * (this.#isFull ? 2 : 1);
    if (isFull === this.#isFull) return undefined;
    this.#isFull = isFull;
    return { isFull, freeBytes };
  }
}
