// A budget of bytes that many actors of a process share: who wants to hold much memory asks first and waits in line.
// It bounds what strangers can make a node hold at once, whatever each of them sends.

/** A counting semaphore over bytes, first come, first served. */
export class ByteBudget {
  readonly #capacityBytes: number;
  #heldBytes = 0;
  #line: Waiter[] = [];

  /** @throws RangeError unless `capacityBytes` is at least 1 */
  constructor(capacityBytes: number) {
    if (!(capacityBytes >= 1)) throw new RangeError(`expected at least 1 byte, got ${capacityBytes}`);
    this.#capacityBytes = capacityBytes;
  }

  /** Bytes that are held. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Holds that wait for room. */
  get waiting(): number {
    return this.#line.length;
  }

  /** A hold on nothing yet. */
  open(): ByteHold {
    return new ByteHold({
      take: (bytes, signal) => this.#take(bytes, signal),
      giveBack: (bytes) => this.#giveBack(bytes),
    });
  }

  #take(bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#line.length === 0 && this.#fits(bytes)) {
      this.#heldBytes += bytes;
      return Promise.resolve();
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = () => {
      this.#line = this.#line.filter((other) => other !== waiter);
      reject(signal.reason);
      this.#serve();
    };
    const admit = () => {
      signal.removeEventListener('abort', leave);
      resolve();
    };
    const waiter: Waiter = { bytes, admit };
    signal.addEventListener('abort', leave, { once: true });
    this.#line.push(waiter);
    return promise;
  }

  #giveBack(bytes: number): void {
    this.#heldBytes -= bytes;
    this.#serve();
  }

  #serve(): void {
    for (;;) {
      const [first] = this.#line;
      if (first === undefined || !this.#fits(first.bytes)) return;
      this.#line.shift();
      this.#heldBytes += first.bytes;
      first.admit();
    }
  }

  /** What is larger than the whole budget goes alone: refusing it is the business of limits. */
  #fits(bytes: number): boolean {
    return this.#heldBytes === 0 || this.#heldBytes + bytes <= this.#capacityBytes;
  }
}

interface Waiter {
  readonly bytes: number;
  readonly admit: () => void;
}

/** What one holder has of a budget, until it is released. */
export class ByteHold implements Disposable {
  readonly #budget: {
    readonly take: (bytes: number, signal: AbortSignal) => Promise<void>;
    readonly giveBack: (bytes: number) => void;
  };
  #bytes = 0;
  #released = false;

  /** Made by `ByteBudget.open`. */
  constructor(budget: {
    readonly take: (bytes: number, signal: AbortSignal) => Promise<void>;
    readonly giveBack: (bytes: number) => void;
  }) {
    this.#budget = budget;
  }

  /**
   * Waits until `bytes` in all may be held; at once when they are. Whoever waits for more stands in line with nothing:
   * two that grow could else wait for each other for ever. What it keeps meanwhile is beyond the budget, so it keeps
   * little.
   * @throws the signal's reason
   */
  async raise(bytes: number, signal: AbortSignal): Promise<void> {
    if (bytes <= this.#bytes) return;
    const before = this.#bytes;
    this.#bytes = 0;
    if (before > 0) this.#budget.giveBack(before);
    await this.#budget.take(bytes, signal);
    if (this.#released) this.#budget.giveBack(bytes);
    else this.#bytes = bytes;
  }

  /** Gives all of it back, for good. */
  release(): void {
    this.#released = true;
    const bytes = this.#bytes;
    this.#bytes = 0;
    if (bytes > 0) this.#budget.giveBack(bytes);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
