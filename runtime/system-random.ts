// The process's own source of randomness; tests pass a seeded one instead.
import type { RandomSource } from './ports.ts';

/** `Math.random()`: for jitter, not for secrets. */
export const systemRandom: RandomSource = { next: () => Math.random() };
