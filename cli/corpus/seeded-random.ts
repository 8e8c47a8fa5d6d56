// Seeded pseudo-random numbers for the generated corpus: the same seed gives the same images everywhere.
import type { RandomSource } from '#runtime';

const GOLDEN = 0x9e3779b9;

/** Uniform numbers from a 32-bit state (a Weyl sequence through a mixing function); not for secrets. */
export class SeededRandom implements RandomSource {
  #state: number;

  /** @param keys Any numbers; generators with different keys give unrelated numbers. */
  constructor(...keys: readonly number[]) {
    this.#state = keys.reduce((state, key) => mix((state ^ Math.imul(key | 0, GOLDEN)) + GOLDEN), 0x51ed270b);
  }

  next(): number {
    return this.nextUint32() / 2 ** 32;
  }

  /** A whole number from 0 to 2³² - 1. */
  nextUint32(): number {
    this.#state = (this.#state + GOLDEN) >>> 0;
    return mix(this.#state);
  }

  /** A number from `low` up to `high`. */
  between(low: number, high: number): number {
    return low + this.next() * (high - low);
  }

  /** A whole number from `low` to `high`, both included. */
  wholeBetween(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  /** A new array with the same entries in random order. */
  shuffled<T>(entries: readonly T[]): T[] {
    const order = entries.map((entry) => ({ entry, at: this.next() }));
    return order.sort((a, b) => a.at - b.at).map(({ entry }) => entry);
  }
}

/** Spreads every bit of the state over the whole word. */
function mix(word: number): number {
  let bits = word >>> 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x21f0aaad);
  bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
  return (bits ^ (bits >>> 15)) >>> 0;
}
