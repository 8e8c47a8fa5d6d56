// The end of a node as its process sees it: that it has begun, and what it still waits for. Whoever runs the process
// sets a limit to it, since nobody may be left to end a process whose end never comes.

/** The end of one node, from before its start on. */
export class Ending {
  readonly #begin: (ending: Ending) => void;
  readonly #pending = new Set<{ readonly what: string }>();
  #hasBegun = false;

  /** Calls `begin` once, when the node has to end. */
  constructor(begin: (ending: Ending) => void = () => {}) {
    this.#begin = begin;
  }

  /** What is waited for, in the order in which that began. */
  get pending(): readonly string[] {
    return [...this.#pending].map(({ what }) => what);
  }

  /** The node has to end, for whatever reason. */
  begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#begin(this);
  }

  /** The same as `work`, which is waited for under a name. */
  async waitFor<T>(what: string, work: Promise<T>): Promise<T> {
    const entry = { what };
    this.#pending.add(entry);
    try {
      return await work;
    } finally {
      this.#pending.delete(entry);
    }
  }
}
