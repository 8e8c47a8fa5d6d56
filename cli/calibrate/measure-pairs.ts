// Measures the pairs of a sample, a few hundred at a time, so that memory is bounded and Ctrl-C is heard.
import type { ContentShelf } from './content-shelf.ts';
import { breathe } from './interruptible.ts';
import { type ComparedContent, MEASURES, type MeasureName } from './measures.ts';
import type { Pair } from './sample-pairs.ts';
import { TailCurve } from './tail-curve.ts';

const BATCH = 512;
/** Comparing pixels takes most of a millisecond: between so many pairs signals are heard. */
const BREATH = 64;

export interface MeasureOptions {
  readonly measures: readonly MeasureName[];
  /** Pairs whose pixels are compared, the first ones: each costs a thousand times as much as a cosine. */
  readonly pixelPairs: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (done: number) => void;
}

/** The curve of each measure; pairs of which a measure cannot be taken are not in it. */
export async function measurePairs(
  shelf: ContentShelf,
  pairs: readonly Pair[],
  { measures, pixelPairs, signal, onProgress }: MeasureOptions,
): Promise<ReadonlyMap<MeasureName, TailCurve>> {
  const values = new Map(measures.map((name) => [name, [] as number[]]));
  for (let from = 0; from < pairs.length; from += BATCH) {
    const batch = pairs.slice(from, from + BATCH);
    const withProxies = measures.includes('pixels') && from < pixelPairs;
    const taken = await shelf.take(batch.flat(), withProxies);
    for (let at = 0; at < batch.length; at++) {
      if (at % BREATH === 0) await breathe(signal);
      const [one, other] = [taken[2 * at] as ComparedContent, taken[2 * at + 1] as ComparedContent];
      for (const [name, of] of values) {
        const value = name === 'pixels' && from + at >= pixelPairs ? null : MEASURES[name].of(one, other);
        if (value !== null) of.push(value);
      }
    }
    onProgress?.(from + batch.length);
  }
  return new Map([...values].map(([name, of]) => [name, new TailCurve(of, MEASURES[name].scale)]));
}
