// Pictures of noise to try a model with.
import type { PixelSize } from './model-proxy.ts';

/** 8-bit RGB, the same for the same seed (a linear congruential generator). */
export function noise([width, height]: PixelSize, seed: number): Uint8Array {
  const samples = new Uint8Array(width * height * 3);
  let state = seed;
  for (let at = 0; at < samples.length; at += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    samples[at] = state >>> 24;
  }
  return samples;
}
