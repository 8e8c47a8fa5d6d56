// A raster in another orientation: its samples rearranged, none of them changed.
import type { Orientation } from './orientation-hashes.ts';
import type { Raster } from './raster.ts';

/** Where in the source the sample of a place in the turned picture comes from. */
const SOURCES: Readonly<
  Record<
    Orientation,
    (x: number, y: number, width: number, height: number) => readonly [x: number, y: number]
  >
> = {
  'flip-x': (x, y, width) => [width - 1 - x, y],
  'flip-y': (x, y, _, height) => [x, height - 1 - y],
  'rotate-180': (x, y, width, height) => [width - 1 - x, height - 1 - y],
  transpose: (x, y) => [y, x],
  'rotate-90': (x, y, _, height) => [y, height - 1 - x],
  'rotate-270': (x, y, width) => [width - 1 - y, x],
  transverse: (x, y, width, height) => [width - 1 - y, height - 1 - x],
};

/** The picture in an orientation; a copy. */
export function turnedRaster(
  { width, height, channels, data }: Raster,
  orientation: Orientation,
): Raster & { readonly data: Uint8Array<ArrayBuffer> } {
  const keepsSides =
    !orientation.startsWith('trans') && orientation !== 'rotate-90' && orientation !== 'rotate-270';
  const [toWidth, toHeight] = keepsSides ? [width, height] : [height, width];
  const turned = new Uint8Array(data.length);
  for (let y = 0, to = 0; y < toHeight; y += 1) {
    for (let x = 0; x < toWidth; x += 1) {
      const [fromX, fromY] = SOURCES[orientation](x, y, width, height);
      const from = (fromY * width + fromX) * channels;
      for (let channel = 0; channel < channels; channel += 1, to += 1) {
        turned[to] = data[from + channel] as number;
      }
    }
  }
  return { width: toWidth, height: toHeight, channels, data: turned };
}
