// One read of a record for all who ask while another is under way: for what must be read anew for each item, and need
// not be read for each alone.

/** A read that those share who ask before it begins: each gets what was there after it had asked. */
export class SharedRead<T> {
  readonly #read: () => Promise<T>;
  #next: Promise<T> | undefined;
  #underWay: Promise<unknown> = Promise.resolve();

  constructor(read: () => Promise<T>) {
    this.#read = read;
  }

  /** @throws whatever the read throws */
  get(): Promise<T> {
    this.#next ??= this.#underWay.then(() => {
      this.#next = undefined;
      const read = this.#read();
      this.#underWay = read.catch(() => {});
      return read;
    });
    return this.#next;
  }
}
