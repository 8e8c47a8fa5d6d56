// The exact upper bound of a binomial share, against sums of binomial probabilities and published values.
import { describe, expect, it } from 'vitest';
import { mostSeen, trialsNeeded, upperBound } from '../../../cli/calibrate/clopper-pearson.ts';

/** Probability of at most `seen` of `trials`, term by term. */
function probabilityOfAtMost(seen: number, trials: number, share: number): number {
  // In logarithms: the first terms are too small for a number.
  let term = trials * Math.log1p(-share);
  let sum = Math.exp(term);
  for (let k = 1; k <= seen; k++) {
    term += Math.log((trials - k + 1) / k) + Math.log(share) - Math.log1p(-share);
    sum += Math.exp(term);
  }
  return sum;
}

describe('the upper bound of a share', () => {
  it.each([
    // One-sided 95 %, as tables of exact binomial limits give them.
    [0, 10, 0.25887],
    [1, 10, 0.39416],
    [5, 10, 0.77756],
    [0, 100, 0.02951],
    [5, 100, 0.10225],
    [9, 10, 0.99488],
  ])('of %d in %d is %d', (seen, trials, bound) => {
    expect(upperBound(seen, trials)).toBeCloseTo(bound, 4);
  });

  it('is the share under which so few are seen with a probability of 5 %', () => {
    for (const trials of [1, 2, 7, 40, 300, 1_000]) {
      for (let seen = 0; seen < trials; seen += Math.ceil(trials / 11)) {
        const bound = upperBound(seen, trials);
        expect(probabilityOfAtMost(seen, trials, bound), `${seen} of ${trials}`).toBeCloseTo(0.05, 9);
      }
    }
  });

  it('holds its digits for large samples, where the sum of probabilities is Poisson', () => {
    // Half the 95 % quantiles of chi-square with 2 (seen + 1) degrees of freedom.
    const limits = [2.995732, 4.743865, 6.295794, 7.753657, 9.153519];
    for (const [seen, limit] of limits.entries()) {
      expect(upperBound(seen, 1e9) * 1e9).toBeCloseTo(limit, 5);
    }
  });

  it('is 1 where all are seen, and rises with what is seen', () => {
    expect(upperBound(12, 12)).toBe(1);
    expect(upperBound(0, 0)).toBe(1);
    const bounds = Array.from({ length: 60 }, (_, seen) => upperBound(seen, 60));
    expect(bounds).toEqual([...bounds].sort((a, b) => a - b));
  });
});

describe('the size of a sample', () => {
  it('that can show a target is the smallest of which none may be seen', () => {
    for (const target of [0.3, 0.05, 1e-2, 1e-3, 1e-4, 1e-5]) {
      const needed = trialsNeeded(target);
      expect(upperBound(0, needed)).toBeLessThanOrEqual(target);
      if (needed > 1) expect(upperBound(0, needed - 1)).toBeGreaterThan(target);
    }
    expect(trialsNeeded(1e-4)).toBe(29_956);
  });

  it('says how many may be seen: as many as counting up finds', () => {
    for (const target of [0.2, 0.03, 0.004]) {
      for (let trials = 1; trials < 3_000; trials = Math.ceil(trials * 1.3)) {
        let counted: number | undefined;
        while (upperBound((counted ?? -1) + 1, trials) <= target) counted = (counted ?? -1) + 1;
        expect(mostSeen(trials, target), `${trials} at ${target}`).toBe(counted);
      }
    }
  });
});
