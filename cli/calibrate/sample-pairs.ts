// Which pairs of contents are looked at. Where there are contents enough, no content is in two pairs: then the pairs are
// independent, and what holds for them holds for contents to come. Where there are not, pairs are drawn from all pairs of
// the contents, and what holds for them holds for these contents.
import type { RandomSource } from '#runtime';
import { trialsNeeded } from './clopper-pearson.ts';

/** Two contents by their places in the sample. */
export type Pair = readonly [one: number, other: number];

export interface PairSample {
  /** `new`: for contents to come like these, since no content is in two pairs; `present`: for pairs of these contents. */
  readonly holdsFor: 'new' | 'present';
  readonly pairs: readonly Pair[];
}

/** Pairs that a look at a share of `target` should have, of which no two share a content: a few may pass. */
export function independentPairs(target: number): number {
  return Math.ceil(8 / target);
}

/** The same for pairs of contents that are all in memory, which cost little. */
export function overlappingPairs(target: number): number {
  return Math.max(200_000, Math.ceil(20 / target));
}

export interface PairWishes {
  readonly target: number;
  /** Most pairs; default: as many as the target deserves. */
  readonly pairs: number | undefined;
  /** Only pairs of which no two share a content, however few there are. */
  readonly independent: boolean;
}

/** Contents to draw for such pairs. */
export function contentsWanted({ target, pairs }: PairWishes): number {
  return 2 * Math.max(pairs ?? independentPairs(target), trialsNeeded(target));
}

/** @param contents Number of contents, in random order. */
export function samplePairs(contents: number, wishes: PairWishes, random: RandomSource): PairSample {
  const disjoint = Math.floor(contents / 2);
  if (wishes.independent || disjoint >= trialsNeeded(wishes.target)) {
    const count = Math.min(disjoint, wishes.pairs ?? independentPairs(wishes.target));
    return { holdsFor: 'new', pairs: Array.from({ length: count }, (_, at) => [2 * at, 2 * at + 1]) };
  }
  const all = (contents * (contents - 1)) / 2;
  const count = Math.min(all, wishes.pairs ?? overlappingPairs(wishes.target));
  return { holdsFor: 'present', pairs: [...distinctNumbers(count, all, random)].map(pairOf) };
}

/** `count` different numbers below `below`, each set of them as likely as any other (Floyd's algorithm). */
function distinctNumbers(count: number, below: number, random: RandomSource): ReadonlySet<number> {
  const drawn = new Set<number>();
  for (let top = below - count; top < below; top++) {
    const number = wholeBelow(top + 1, random);
    drawn.add(drawn.has(number) ? top : number);
  }
  return drawn;
}

function wholeBelow(below: number, random: RandomSource): number {
  const fine = random.next() + random.next() / 2 ** 32;
  return Math.min(below - 1, Math.floor(fine * below));
}

/** The pair at a place in (1, 0), (2, 0), (2, 1), (3, 0), … */
function pairOf(place: number): Pair {
  let one = Math.floor((1 + Math.sqrt(1 + 8 * place)) / 2);
  while ((one * (one - 1)) / 2 > place) one -= 1;
  while (((one + 1) * one) / 2 <= place) one += 1;
  return [one, place - (one * (one - 1)) / 2];
}
