// The memory that one fetched body takes: a single buffer that grows where it lies, so that nothing is ever copied to
// grow, and that is given back to the system at once, not when the collector and the allocator come to it.

/** Smaller bodies are left to the allocator, which is faster. */
const SMALL_BYTES = 256 * 1024;

/** Filled from the front; either taken or, on disposal, freed. */
export class BodyBuffer implements Disposable {
  #buffer: ArrayBuffer;
  #length = 0;

  /** Room for at most `maxBytes`, which costs nothing before it is filled. */
  constructor(maxBytes: number) {
    this.#buffer =
      maxBytes < SMALL_BYTES ? new ArrayBuffer(maxBytes) : new ArrayBuffer(0, { maxByteLength: maxBytes });
  }

  /** Bytes added. */
  get length(): number {
    return this.#length;
  }

  /** @throws RangeError above `maxBytes` */
  add(part: Uint8Array): void {
    const end = this.#length + part.byteLength;
    if (this.#buffer.resizable && end > this.#buffer.byteLength) {
      const { maxByteLength } = this.#buffer;
      this.#buffer.resize(Math.max(end, Math.min(maxByteLength, end * 2)));
    }
    new Uint8Array(this.#buffer, this.#length, part.byteLength).set(part);
    this.#length = end;
  }

  /** What was added, in a buffer of its own; this object is empty after. */
  take(): Uint8Array<ArrayBuffer> {
    const buffer = this.#buffer;
    const length = this.#length;
    this.#buffer = new ArrayBuffer(0);
    this.#length = 0;
    if (buffer.resizable) buffer.resize(length);
    return new Uint8Array(buffer, 0, length);
  }

  [Symbol.dispose](): void {
    this.#buffer.transfer(0);
    this.#buffer = new ArrayBuffer(0);
    this.#length = 0;
  }
}

/** A buffer for a body of `bytes`, all zero. */
export function bodyMemory(bytes: number): ArrayBuffer {
  return bytes < SMALL_BYTES ? new ArrayBuffer(bytes) : new ArrayBuffer(bytes, { maxByteLength: bytes });
}
