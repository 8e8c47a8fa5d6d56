// What the indexes are held against in the same run: a scan of everything, and a BK-tree (Burkhard and Keller 1973),
// which is what the field's libraries use for Hamming distances.

/** Bits that differ of two hashes, each as two 32-bit words. */
function distance(oneHigh: number, oneLow: number, otherHigh: number, otherLow: number): number {
  return bitCount(oneHigh ^ otherHigh) + bitCount(oneLow ^ otherLow);
}

function bitCount(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Hashes in a row, as words, scanned from first to last. */
export class HashScan {
  readonly #words: Uint32Array;

  constructor(hashes: readonly bigint[]) {
    this.#words = new Uint32Array(2 * hashes.length);
    for (const [at, hash] of hashes.entries()) this.#words.set(wordsOf(hash), 2 * at);
  }

  /** Positions of the hashes within the radius, ascending. */
  query(hash: bigint, radius: number): number[] {
    const [high, low] = wordsOf(hash);
    const words = this.#words;
    const found: number[] = [];
    for (let at = 0; at < words.length; at += 2) {
      if (distance(words[at] as number, words[at + 1] as number, high, low) <= radius) found.push(at / 2);
    }
    return found;
  }
}

interface Node {
  readonly high: number;
  readonly low: number;
  readonly values: number[];
  /** By distance to this node. */
  readonly children: (Node | undefined)[];
}

/** A tree whose branches are distances: whatever lies further off than the radius on either side is left out. */
export class BkTree {
  #root: Node | undefined;

  insert(hash: bigint, value: number): void {
    const [high, low] = wordsOf(hash);
    const fresh: Node = { high, low, values: [value], children: [] };
    this.#root ??= { ...fresh, values: [] };
    for (let node = this.#root; ; ) {
      const apart = distance(node.high, node.low, high, low);
      if (apart === 0) {
        node.values.push(value);
        return;
      }
      const child = node.children[apart];
      if (child === undefined) {
        node.children[apart] = fresh;
        return;
      }
      node = child;
    }
  }

  /** Values within the radius, ascending. */
  query(hash: bigint, radius: number): number[] {
    const [high, low] = wordsOf(hash);
    const found: number[] = [];
    const waiting = this.#root === undefined ? [] : [this.#root];
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      const apart = distance(node.high, node.low, high, low);
      if (apart <= radius) found.push(...node.values);
      const end = Math.min(node.children.length - 1, apart + radius);
      for (let at = Math.max(1, apart - radius); at <= end; at += 1) {
        const child = node.children[at];
        if (child !== undefined) waiting.push(child);
      }
    }
    return found.sort((a, b) => a - b);
  }
}

function wordsOf(hash: bigint): readonly [high: number, low: number] {
  return [Number(hash >> 32n), Number(hash & 0xffff_ffffn)];
}
