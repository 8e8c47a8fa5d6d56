// How large a share may be of which a few were seen in a sample: the exact (Clopper–Pearson) upper confidence bound of
// a binomial share, one-sided, and what follows of it for the size of a sample.

/** The confidence of every bound here. */
export const CONFIDENCE = 0.95;

/** Largest share under which at most `seen` of `trials` are seen with a probability of 5 %. */
export function upperBound(seen: number, trials: number): number {
  if (seen >= trials) return 1;
  if (seen === 0) return -Math.expm1(Math.log(1 - CONFIDENCE) / trials);
  let [low, high] = [seen / trials, 1];
  for (let step = 0; step < 100 && high - low > 1e-15 * high; step++) {
    const middle = (low + high) / 2;
    if (incompleteBeta(middle, seen + 1, trials - seen) < CONFIDENCE) low = middle;
    else high = middle;
  }
  return high;
}

/** Fewest trials that can show a share of at most `target`: about 3 / target, none of them seen. */
export function trialsNeeded(target: number): number {
  const few = Math.max(1, Math.floor(Math.log(1 - CONFIDENCE) / Math.log1p(-target)) - 1);
  let trials = few;
  while (upperBound(0, trials) > target) trials += 1;
  return trials;
}

/** Most that may be seen in `trials` for the bound to be at most `target`; undefined when even none is too much. */
export function mostSeen(trials: number, target: number): number | undefined {
  if (upperBound(0, trials) > target) return undefined;
  // The bound of `seen` lies above seen / trials and rises with it.
  let [low, high] = [0, Math.min(trials, Math.ceil(target * trials))];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (upperBound(middle, trials) <= target) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Regularised incomplete beta function, by the continued fraction that converges fast on either side of the mean. */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  return x < (a + 1) / (a + b + 2)
    ? (front * continuedFraction(x, a, b)) / a
    : 1 - (front * continuedFraction(1 - x, b, a)) / b;
}

const TINY = 1e-300;

/** Lentz's evaluation of the fraction; its length grows with the square root of the larger argument. */
function continuedFraction(x: number, a: number, b: number): number {
  let c = 1;
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1));
  let value = d;
  for (let m = 1; m < 100_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / nonZero(1 + even * d);
    c = nonZero(1 + even / c);
    value *= c * d;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / nonZero(1 + odd * d);
    c = nonZero(1 + odd / c);
    value *= c * d;
    if (Math.abs(c * d - 1) < 1e-15) break;
  }
  return value;
}

function nonZero(value: number): number {
  return Math.abs(value) < TINY ? TINY : value;
}

/** ln Γ(x) for x ≥ 1, by Stirling's series after a shift to where five terms give full precision. */
function logGamma(x: number): number {
  let shifted = x;
  let shift = 0;
  while (shifted < 16) {
    shift += Math.log(shifted);
    shifted += 1;
  }
  const inverse = 1 / shifted;
  const square = inverse * inverse;
  const series =
    inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188))));
  return (shifted - 0.5) * Math.log(shifted) - shifted + 0.5 * Math.log(2 * Math.PI) + series - shift;
}
