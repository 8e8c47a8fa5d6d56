// What decoding a picture takes of memory. Most pictures take little and need not ask; large ones are admitted by the
// node's budget, because every decoder thread could have one at the same time.

/** Pictures up to this many pixels are decoded without asking: 16 MiB on each thread. */
export const ADMITTED_PIXELS = 4 * 1024 * 1024;

/** Three bytes for the colours and one for the grey of each pixel. */
const BYTES_PER_PIXEL = 4;

/** Bytes that a picture of `pixels` takes on its thread. */
export function decodedBytes(pixels: number): number {
  return pixels * BYTES_PER_PIXEL;
}
