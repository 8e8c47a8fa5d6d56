// What the indexes are held against in the same run: a scan of everything, and a BK-tree (Burkhard and Keller 1973),
// which is what the field's libraries use for Hamming distances.
import type { CandidatePair, ContentKeys, HashIndexSpec, IndexSpec } from '../../actors/dedup/index.ts';

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
  #words = new Uint32Array(2048);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(hash: string): void {
    if (2 * this.#size === this.#words.length) {
      const grown = new Uint32Array(2 * this.#words.length);
      grown.set(this.#words);
      this.#words = grown;
    }
    this.#words.set(wordsOf(hash), 2 * this.#size);
    this.#size += 1;
  }

  /** Positions of the hashes within the radius, ascending. */
  query(hash: string, radius: number): number[] {
    const [high, low] = wordsOf(hash);
    const words = this.#words;
    const found: number[] = [];
    for (let at = 0; at < 2 * this.#size; at += 2) {
      if (distance(words[at] as number, words[at + 1] as number, high, low) <= radius) found.push(at / 2);
    }
    return found;
  }

  /** Bits by which the hash at a position differs. */
  distanceAt(position: number, hash: string): number {
    const [high, low] = wordsOf(hash);
    return distance(this.#words[2 * position] as number, this.#words[2 * position + 1] as number, high, low);
  }

  /** 16 hex digits. */
  hashAt(position: number): string {
    const words = [this.#words[2 * position] as number, this.#words[2 * position + 1] as number];
    return words.map((word) => word.toString(16).padStart(8, '0')).join('');
  }
}

/** All hashes of all contents in the order they came, and the pairs that the definition of the indexes gives. */
export class WholeScan {
  readonly #spec: Readonly<Record<string, HashIndexSpec>>;
  readonly #contents: string[] = [];
  readonly #columns = new Map<string, HashScan>();

  constructor({ hashes = {} }: IndexSpec) {
    this.#spec = hashes;
    for (const [family, { variants }] of Object.entries(hashes)) {
      for (const name of [family, ...Object.keys(variants?.inverse ?? {})]) {
        this.#columns.set(name, new HashScan());
      }
    }
  }

  /** @param content One that has all hashes. */
  push({ content, hashes = {} }: ContentKeys): void {
    this.#contents.push(content);
    for (const [name, column] of this.#columns) column.push(hashes[name] as string);
  }

  column(name: string): HashScan {
    return this.#columns.get(name) as HashScan;
  }

  /** The pairs of a content with those that came before it, one line each, sorted. */
  pairsOf({ content, hashes = {} }: ContentKeys): readonly string[] {
    const own = this.#contents.lastIndexOf(content);
    const found = new Map<number, Record<string, number>>();
    const note = (position: number, name: string, bits: number) => {
      found.set(position, { ...found.get(position), [name]: bits });
    };
    for (const [family, { radius, variants }] of Object.entries(this.#spec)) {
      const column = this.column(family);
      const hash = hashes[family] as string;
      for (const at of column.query(hash, radius)) note(at, family, column.distanceAt(at, hash));
      for (const [name, inverse] of Object.entries(variants?.inverse ?? {})) {
        // The way from the lesser content to the other; either side's hash must be within the radius.
        for (const at of column.query(hashes[name] as string, variants?.radius ?? 0)) {
          const there = column.distanceAt(at, hashes[name] as string);
          const back = this.column(inverse).distanceAt(at, hash);
          const told = content < (this.#contents[at] as string) ? name : inverse;
          if (back <= (variants?.radius ?? 0)) note(at, told, Math.max(there, back));
        }
      }
    }
    return [...found]
      .filter(([position]) => position < own)
      .map(([position, distances]) => {
        const [a = '', b = ''] = [content, this.#contents[position] as string].sort();
        return pairLine({ a, b, distances });
      })
      .sort();
  }
}

/** A pair with its distances, as text. */
export function pairLine({ a, b, distances }: Pick<CandidatePair, 'a' | 'b' | 'distances'>): string {
  const sorted = Object.entries(distances).sort(([one], [other]) => (one < other ? -1 : 1));
  return `${a} ${b} ${sorted.map(([name, bits]) => `${name}=${bits}`).join(' ')}`;
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

  insert(hash: string, value: number): void {
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
  query(hash: string, radius: number): number[] {
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

function wordsOf(hash: string): readonly [high: number, low: number] {
  return [Number.parseInt(hash.slice(0, 8), 16), Number.parseInt(hash.slice(8), 16)];
}
