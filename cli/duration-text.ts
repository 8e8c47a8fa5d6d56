// Durations as people read them: one number and a unit, as coarse as it may be.

const UNITS: readonly (readonly [string, number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
];

/** `2 h`, `5 min`, `12 s`, `0.4 s`. */
export function durationText(durationMs: number): string {
  const [unit, sizeMs] = UNITS.find(([, size]) => durationMs >= size * 2 || size === 1_000) ?? ['s', 1_000];
  const amount = Math.max(0, durationMs) / sizeMs;
  return `${amount < 1 && amount > 0 ? amount.toFixed(1) : Math.round(amount)} ${unit}`;
}

/** When something is due: `in 12 s`, or `at the next call` when its time has come. */
export function dueText(inMs: number): string {
  return inMs <= 0 ? 'at the next call' : `in ${durationText(inMs)}`;
}
