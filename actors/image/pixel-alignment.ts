// Finds how one picture must be scaled and shifted to lie on another: per axis a scale and a shift, as a crop or a
// thin border makes them. Gauss-Newton on small luminance planes, with gain and offset of the grey values as two
// further unknowns, so that a change of brightness or contrast does not pull the frame.

/** A square plane of samples, `side × side`, row-major. */
export interface Plane {
  readonly side: number;
  readonly data: Float64Array;
}

/**
 * Where the point of the first picture lies in the second: `x' = scaleX · x + shiftX`, and y likewise; coordinates
 * run from -1 to 1 over the frame.
 */
export interface Alignment {
  readonly scaleX: number;
  readonly shiftX: number;
  readonly scaleY: number;
  readonly shiftY: number;
}

/** The frames lie on each other as they are. */
export const unaligned: Alignment = { scaleX: 1, shiftX: 0, scaleY: 1, shiftY: 0 };

/** The same alignment seen from the second picture. */
export function inverse({ scaleX, shiftX, scaleY, shiftY }: Alignment): Alignment {
  return { scaleX: 1 / scaleX, shiftX: -shiftX / scaleX, scaleY: 1 / scaleY, shiftY: -shiftY / scaleY };
}

const unknowns = 6;
const maxIterations = 8;
/** A step smaller than this (in half frames) moves nothing by a twentieth of a proxy pixel. */
const settledStep = 0.0015;
/** Bounds: a crop of 10 % on each side is a scale of 0.8 or 1.25. */
const minScale = 0.8;
const maxShift = 0.2;
const minGain = 0.3;

/** The alignment of `second` to `first`, starting from the frames as they are. */
export function align(first: Plane, second: Plane): Alignment {
  const state = Float64Array.of(1, 0, 1, 0, 1, 0);
  const matrix = new Float64Array(unknowns * unknowns);
  const vector = new Float64Array(unknowns);
  for (let iteration = 0; iteration < maxIterations; iteration += 1) {
    accumulate(first, second, state, matrix, vector);
    const step = solve(matrix, vector);
    if (step === undefined) break;
    let largest = 0;
    for (let index = 0; index < unknowns; index += 1) {
      const moved = (state[index] as number) + (step[index] as number);
      state[index] = bounded(index, moved);
      if (index < 4) largest = Math.max(largest, Math.abs(step[index] as number));
    }
    if (largest < settledStep) break;
  }
  const [scaleX = 1, shiftX = 0, scaleY = 1, shiftY = 0] = state;
  return { scaleX, shiftX, scaleY, shiftY };
}

function bounded(index: number, value: number): number {
  if (index === 0 || index === 2) return Math.min(1 / minScale, Math.max(minScale, value));
  if (index === 1 || index === 3) return Math.min(maxShift, Math.max(-maxShift, value));
  if (index === 4) return Math.min(1 / minGain, Math.max(minGain, value));
  return value;
}

/** Normal equations (lower triangle) of the residual first - (gain · second(window) + offset). */
function accumulate(
  first: Plane,
  second: Plane,
  state: Float64Array,
  matrix: Float64Array,
  vector: Float64Array,
): void {
  const [scaleX = 1, shiftX = 0, scaleY = 1, shiftY = 0, gain = 1, offset = 0] = state;
  const { side } = first;
  const { data } = second;
  const halfSide = side / 2;
  const row = new Float64Array(unknowns);
  row[5] = 1;
  matrix.fill(0);
  vector.fill(0);
  for (let y = 0; y < side; y += 1) {
    const v = (y + 0.5) / halfSide - 1;
    const atY = (scaleY * v + shiftY + 1) * halfSide - 0.5;
    if (atY < 0 || atY >= side - 1) continue;
    const top = Math.floor(atY);
    const partY = atY - top;
    for (let x = 0; x < side; x += 1) {
      const u = (x + 0.5) / halfSide - 1;
      const atX = (scaleX * u + shiftX + 1) * halfSide - 0.5;
      if (atX < 0 || atX >= side - 1) continue;
      const left = Math.floor(atX);
      const partX = atX - left;
      const at = top * side + left;
      const upper = data[at] as number;
      const lower = data[at + side] as number;
      const upperRise = (data[at + 1] as number) - upper;
      const lowerRise = (data[at + side + 1] as number) - lower;
      const above = upper + upperRise * partX;
      const below = lower + lowerRise * partX;
      const value = above + (below - above) * partY;
      const slopeX = gain * halfSide * (upperRise + (lowerRise - upperRise) * partY);
      const slopeY = gain * halfSide * (below - above);
      row[0] = slopeX * u;
      row[1] = slopeX;
      row[2] = slopeY * v;
      row[3] = slopeY;
      row[4] = value;
      addRow(matrix, vector, row, (first.data[y * side + x] as number) - gain * value - offset);
    }
  }
}

function addRow(matrix: Float64Array, vector: Float64Array, row: Float64Array, residual: number): void {
  for (let i = 0; i < unknowns; i += 1) {
    const weight = row[i] as number;
    vector[i] = (vector[i] as number) + weight * residual;
    for (let j = 0; j <= i; j += 1) {
      matrix[i * unknowns + j] = (matrix[i * unknowns + j] as number) + weight * (row[j] as number);
    }
  }
}

/** Cholesky solution, slightly damped; `undefined` when the picture does not determine the unknowns. */
function solve(matrix: Float64Array, vector: Float64Array): Float64Array | undefined {
  const at = (i: number, j: number) => matrix[i * unknowns + j] as number;
  for (let i = 0; i < unknowns; i += 1) matrix[i * unknowns + i] = at(i, i) * (i < 4 ? 1.001 : 1) + 0.001;
  for (let i = 0; i < unknowns; i += 1) {
    for (let j = 0; j <= i; j += 1) {
      let sum = at(i, j);
      for (let k = 0; k < j; k += 1) sum -= at(i, k) * at(j, k);
      if (i === j && sum <= 0) return undefined;
      matrix[i * unknowns + j] = i === j ? Math.sqrt(sum) : sum / at(j, j);
    }
  }
  const solution = new Float64Array(vector);
  for (let i = 0; i < unknowns; i += 1) {
    let sum = solution[i] as number;
    for (let k = 0; k < i; k += 1) sum -= at(i, k) * (solution[k] as number);
    solution[i] = sum / at(i, i);
  }
  for (let i = unknowns - 1; i >= 0; i -= 1) {
    let sum = solution[i] as number;
    for (let k = i + 1; k < unknowns; k += 1) sum -= at(k, i) * (solution[k] as number);
    solution[i] = sum / at(i, i);
  }
  return solution;
}
