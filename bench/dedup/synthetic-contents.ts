// Contents as an ingestor would describe them, drawn from a seed: hashes of pictures in all eight orientations, two keys,
// and vectors; one content in twenty is a neighbour of an earlier one.
import { createHash } from 'node:crypto';
import type { ContentKeys } from '../../actors/dedup/index.ts';
import { ORIENTATIONS } from '../../actors/image/orientation-hashes.ts';
import { SeededRandom } from '../../cli/corpus/seeded-random.ts';

const NEIGHBOUR_SHARE = 1 / 20;
/** Bits by which a planted neighbour differs: swapped pairs, as a pHash always has 32 of them set. */
const MAX_SWAPS = 3;

export class SyntheticContents {
  readonly #random: SeededRandom;
  readonly #phashes: bigint[] = [];

  constructor(seed: number) {
    this.#random = new SeededRandom(seed, 20);
  }

  next(): ContentKeys {
    const number = this.#phashes.length;
    const phash = this.#nextPhash();
    this.#phashes.push(phash);
    const turned = ORIENTATIONS.map((each) => [`phash/${each}`, hex(this.#bits())]);
    return {
      content: createHash('sha256').update(`content ${number}`).digest('hex'),
      hashes: { phash: hex(phash), dhash: hex(this.#bits()), ...Object.fromEntries(turned) },
      keys: [hex(this.#bits()), hex(this.#bits())],
    };
  }

  #nextPhash(): bigint {
    const near = this.#random.next() < NEIGHBOUR_SHARE && this.#phashes.length > 0;
    if (!near) return this.#balanced();
    let hash = this.#phashes[this.#random.wholeBetween(0, this.#phashes.length - 1)] as bigint;
    for (let swap = this.#random.wholeBetween(0, MAX_SWAPS); swap > 0; swap -= 1) {
      hash ^= (1n << this.#place(hash, true)) | (1n << this.#place(hash, false));
    }
    return hash;
  }

  /** 32 of 64 bits set, as a median sets them. */
  #balanced(): bigint {
    let hash = this.#bits();
    for (let excess = bitsSet(hash) - 32; excess !== 0; excess += excess > 0 ? -1 : 1) {
      hash ^= 1n << this.#place(hash, excess > 0);
    }
    return hash;
  }

  #place(hash: bigint, isSet: boolean): bigint {
    for (;;) {
      const place = BigInt(this.#random.wholeBetween(0, 63));
      if (((hash >> place) & 1n) === (isSet ? 1n : 0n)) return place;
    }
  }

  #bits(): bigint {
    return (BigInt(this.#random.nextUint32()) << 32n) | BigInt(this.#random.nextUint32());
  }
}

/** Unit vectors; one in twenty lies near an earlier one. */
export function syntheticVectors(count: number, dimension: number, seed: number): readonly Float32Array[] {
  const random = new SeededRandom(seed, 21);
  const vectors: Float32Array[] = [];
  for (let at = 0; at < count; at += 1) {
    const near = random.next() < NEIGHBOUR_SHARE ? vectors[random.wholeBetween(0, at - 1)] : undefined;
    const spread = near === undefined ? 1 : 0.3 / Math.sqrt(dimension);
    const vector = Float32Array.from(
      { length: dimension },
      (_, place) => (near?.[place] ?? 0) + random.between(-spread, spread),
    );
    const length = Math.hypot(...vector);
    vectors.push(vector.map((number) => number / length));
  }
  return vectors;
}

function hex(bits: bigint): string {
  return bits.toString(16).padStart(16, '0');
}

function bitsSet(bits: bigint): number {
  let count = 0;
  for (let left = bits; left !== 0n; left &= left - 1n) count += 1;
  return count;
}
