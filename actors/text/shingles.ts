// What texts are compared by: the set of their word n-grams (or character n-grams), after Unicode normalisation, so
// that case, punctuation, width and composition of characters do not matter.

/** Runs of `size` words or characters. */
export interface ShingleSpec {
  readonly unit: 'words' | 'characters';
  /** Words or code points in one shingle, at least 1. */
  readonly size: number;
}

export const DEFAULT_SHINGLES: ShingleSpec = { unit: 'words', size: 5 };

/** The words of a text: letters and digits of any script, with their marks, NFKC, in lower case. */
export function wordsOf(text: string): readonly string[] {
  return (
    text
      .normalize('NFKC')
      .toLowerCase()
      .normalize('NFKC')
      .match(/[\p{L}\p{N}\p{M}]+/gu) ?? []
  );
}

/**
 * The set of a text's shingles; of a text shorter than one, that text alone; empty where there are no words.
 * @throws RangeError when the size is not a whole number from 1.
 */
export function shinglesOf(
  text: string,
  { unit, size }: ShingleSpec = DEFAULT_SHINGLES,
): ReadonlySet<string> {
  if (!Number.isInteger(size) || size < 1) {
    throw new RangeError(`expected a shingle of at least 1 of its unit, got ${size}`);
  }
  const words = wordsOf(text);
  const [parts, glue] = unit === 'words' ? [words, ' '] : [[...words.join(' ')], ''];
  if (parts.length === 0) return new Set();
  const shingles = new Set<string>();
  for (let at = 0; at === 0 || at + size <= parts.length; at += 1) {
    shingles.add(parts.slice(at, at + size).join(glue));
  }
  return shingles;
}

/** Size of the intersection over that of the union, 0 to 1; 0 where either is empty. */
export function jaccard(one: ReadonlySet<string>, other: ReadonlySet<string>): number {
  const [small, large] = one.size <= other.size ? [one, other] : [other, one];
  if (small.size === 0) return 0;
  let both = 0;
  for (const shingle of small) if (large.has(shingle)) both += 1;
  return both / (small.size + large.size - both);
}
