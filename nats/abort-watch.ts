// Hears of an abort for many at once: a batch of messages under one signal costs one listener, not one each.

/** What waits, by the signal that would end its wait. */
export class AbortWatch<T> {
  readonly #aborted: (waiting: T, reason: unknown) => void;
  readonly #watched = new Map<AbortSignal, { readonly waiting: Set<T>; readonly listener: () => void }>();

  /** @param aborted called for each that waits under a signal, in the order in which they came */
  constructor(aborted: (waiting: T, reason: unknown) => void) {
    this.#aborted = aborted;
  }

  add(signal: AbortSignal, waiting: T): void {
    let watched = this.#watched.get(signal);
    if (watched === undefined) {
      watched = { waiting: new Set(), listener: () => this.#end(signal) };
      this.#watched.set(signal, watched);
      signal.addEventListener('abort', watched.listener, { once: true });
    }
    watched.waiting.add(waiting);
  }

  /** It waits no more. */
  remove(signal: AbortSignal, waiting: T): void {
    const watched = this.#watched.get(signal);
    if (watched?.waiting.delete(waiting) !== true || watched.waiting.size > 0) return;
    this.#watched.delete(signal);
    signal.removeEventListener('abort', watched.listener);
  }

  #end(signal: AbortSignal): void {
    const watched = this.#watched.get(signal);
    this.#watched.delete(signal);
    for (const waiting of watched?.waiting ?? []) this.#aborted(waiting, signal.reason);
  }
}
