// Draws photo-like scenes: a sky of colours, a few dozen shaded shapes, texture and grain. Two seeds give scenes that
// differ in layout and tone, which is what perceptual hashes look at.
import { SeededRandom } from './seeded-random.ts';

/** Raw pixels, three bytes (red, green, blue) each, row by row. */
export interface RawImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

type Colour = readonly [red: number, green: number, blue: number];

/** The picture while it is drawn: components may leave 0 to 255 until the end. */
interface Canvas {
  readonly width: number;
  readonly height: number;
  readonly pixels: Float32Array;
}

/** Draws the scene of a seed, 384 to 640 pixels wide and 288 to 480 high. */
export function renderScene(...seed: readonly number[]): RawImage {
  const random = new SeededRandom(...seed);
  const width = random.wholeBetween(24, 40) * 16;
  const height = random.wholeBetween(18, 30) * 16;
  const canvas: Canvas = { width, height, pixels: new Float32Array(width * height * 3) };
  fillSky(canvas, random);
  addNoise(canvas, random, {
    cell: Math.round(width / random.between(2, 5)),
    amplitude: random.between(40, 90),
  });
  for (let count = random.wholeBetween(18, 40); count > 0; count--) drawShape(canvas, random);
  addNoise(canvas, random, { cell: random.wholeBetween(6, 20), amplitude: random.between(8, 24) });
  addGrain(canvas, random, random.between(4, 10));
  const data = new Uint8Array(canvas.pixels.length);
  for (let at = 0; at < data.length; at++) data[at] = toByte(canvas.pixels[at] ?? 0);
  return { width, height, data };
}

/** Draws an almost uniform picture: one colour, or a gradient over a few grey levels. */
export function renderFlat(...seed: readonly number[]): RawImage {
  const random = new SeededRandom(...seed);
  const width = random.wholeBetween(20, 32) * 16;
  const height = random.wholeBetween(15, 24) * 16;
  const colour = randomColour(random, 20, 230);
  const rise = random.next() < 0.5 ? 0 : random.between(2, 5);
  const data = new Uint8Array(width * height * 3);
  for (let index = 0; index < data.length; index++) {
    const column = Math.floor(index / 3) % width;
    data[index] = toByte((colour[index % 3] ?? 0) + (rise * column) / width);
  }
  return { width, height, data };
}

function toByte(component: number): number {
  return component <= 0 ? 0 : component >= 255 ? 255 : Math.round(component);
}

function randomColour(random: SeededRandom, low: number, high: number): Colour {
  return [random.between(low, high), random.between(low, high), random.between(low, high)];
}

/** A gradient between two colours in a random direction. */
function fillSky({ width, height, pixels }: Canvas, random: SeededRandom): void {
  const from = randomColour(random, 30, 225);
  const to = randomColour(random, 30, 225);
  const angle = random.between(0, 2 * Math.PI);
  const stepX = Math.cos(angle) / width;
  const stepY = Math.sin(angle) / height;
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const share = 0.5 + (x - width / 2) * stepX + (y - height / 2) * stepY;
      pixels[at++] = from[0] + (to[0] - from[0]) * share;
      pixels[at++] = from[1] + (to[1] - from[1]) * share;
      pixels[at++] = from[2] + (to[2] - from[2]) * share;
    }
  }
}

/** An ellipse or a rotated rectangle with a shaded fill; most are opaque. */
function drawShape({ width, height, pixels }: Canvas, random: SeededRandom): void {
  const isEllipse = random.next() < 0.5;
  const centreX = random.between(0, width);
  const centreY = random.between(0, height);
  const radiusX = (width * random.between(0.03, 0.22)) | 0;
  const radiusY = (height * random.between(0.03, 0.22)) | 0;
  const angle = random.between(0, Math.PI);
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const colour = randomColour(random, 0, 255);
  const opacity = random.next() < 0.7 ? 1 : random.between(0.4, 0.8);
  const shade = random.between(-60, 60);
  const reach = Math.hypot(radiusX, radiusY);
  const top = Math.max(0, Math.floor(centreY - reach));
  const bottom = Math.min(height - 1, Math.ceil(centreY + reach));
  const left = Math.max(0, Math.floor(centreX - reach));
  const right = Math.min(width - 1, Math.ceil(centreX + reach));
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const u = ((x - centreX) * cos + (y - centreY) * sin) / radiusX;
      const v = ((y - centreY) * cos - (x - centreX) * sin) / radiusY;
      const isInside = isEllipse ? u * u + v * v <= 1 : Math.abs(u) <= 1 && Math.abs(v) <= 1;
      if (!isInside) continue;
      const at = (y * width + x) * 3;
      for (let channel = 0; channel < 3; channel++) {
        const under = pixels[at + channel] ?? 0;
        pixels[at + channel] = under + ((colour[channel] ?? 0) + shade * u - under) * opacity;
      }
    }
  }
}

/** Smooth noise: random values on a lattice of `cell` pixels, interpolated, the same in all channels. */
function addNoise(
  { width, height, pixels }: Canvas,
  random: SeededRandom,
  { cell, amplitude }: { readonly cell: number; readonly amplitude: number },
): void {
  const columns = Math.ceil(width / cell) + 2;
  const rows = Math.ceil(height / cell) + 2;
  const lattice = Float32Array.from({ length: columns * rows }, () => random.between(-amplitude, amplitude));
  for (let y = 0, at = 0; y < height; y++) {
    const row = Math.floor(y / cell);
    const down = smooth(y / cell - row);
    for (let x = 0; x < width; x++) {
      const column = Math.floor(x / cell);
      const corner = row * columns + column;
      const across = smooth(x / cell - column);
      const above = mixed(lattice[corner] ?? 0, lattice[corner + 1] ?? 0, across);
      const below = mixed(lattice[corner + columns] ?? 0, lattice[corner + columns + 1] ?? 0, across);
      const value = mixed(above, below, down);
      pixels[at] = (pixels[at++] ?? 0) + value;
      pixels[at] = (pixels[at++] ?? 0) + value;
      pixels[at] = (pixels[at++] ?? 0) + value;
    }
  }
}

/** Independent noise for each pixel, as a sensor makes it. */
function addGrain({ pixels }: Canvas, random: SeededRandom, amplitude: number): void {
  for (let at = 0; at < pixels.length; at += 3) {
    const value = (random.nextUint32() / 2 ** 32 - 0.5) * amplitude;
    pixels[at] = (pixels[at] ?? 0) + value;
    pixels[at + 1] = (pixels[at + 1] ?? 0) + value;
    pixels[at + 2] = (pixels[at + 2] ?? 0) + value;
  }
}

function smooth(share: number): number {
  return share * share * (3 - 2 * share);
}

function mixed(from: number, to: number, share: number): number {
  return from + (to - from) * share;
}
