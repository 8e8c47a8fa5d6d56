// Estimates the quality at which a JPEG was encoded, from its quantisation tables alone: no pixel is decoded. Rules
// judge by it, and keep-best prefers the better encoded of two files that look alike.

/** The luminance table of the JPEG standard (Annex K.1), in the zigzag order in which files hold tables. */
const STANDARD_LUMINANCE: readonly number[] = [
  16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58,
  51, 61, 60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87, 95, 98, 103, 104, 103,
  62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99,
];

const MARKER = 0xff;
const START_OF_SCAN = 0xda;
const END_OF_IMAGE = 0xd9;
const DEFINE_TABLES = 0xdb;

/**
 * Quality 1 to 100 on the scale of the Independent JPEG Group: exact for files of its encoder and those that follow
 * it (libjpeg, mozjpeg's default tables aside), the nearest for others. Undefined when there is no luminance table.
 */
export function jpegQuality(bytes: Uint8Array): number | undefined {
  const table = luminanceTable(bytes);
  return table && nearestQuality(table);
}

/** The first table 0 before the picture's data; a broken structure ends the search. */
function luminanceTable(bytes: Uint8Array): readonly number[] | undefined {
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at] === MARKER) {
    const marker = bytes[at + 1] ?? 0;
    if (marker === MARKER) {
      at += 1;
      continue;
    }
    if (marker === START_OF_SCAN || marker === END_OF_IMAGE) return undefined;
    const length = readUint16(bytes, at + 2);
    if (marker === DEFINE_TABLES) {
      const table = tableZero(bytes.subarray(at + 4, at + 2 + length));
      if (table !== undefined) return table;
    }
    at += 2 + Math.max(2, length);
  }
  return undefined;
}

/** Table 0 of one segment, which may define several, of 8 or 16 bits. */
function tableZero(segment: Uint8Array): readonly number[] | undefined {
  let at = 0;
  while (at < segment.length) {
    const head = segment[at] ?? 0;
    const width = head >> 4 === 0 ? 1 : 2;
    const end = at + 1 + 64 * width;
    if (end > segment.length) return undefined;
    if ((head & 15) === 0) {
      return STANDARD_LUMINANCE.map((_, entry) =>
        width === 1 ? (segment[at + 1 + entry] ?? 0) : readUint16(segment, at + 1 + entry * 2),
      );
    }
    at = end;
  }
  return undefined;
}

/** The quality whose table differs least in sum; of several the highest. */
function nearestQuality(table: readonly number[]): number {
  let best = 100;
  let least = Number.POSITIVE_INFINITY;
  for (let quality = 100; quality >= 1; quality -= 1) {
    const scale = quality < 50 ? Math.floor(5000 / quality) : 200 - 2 * quality;
    let difference = 0;
    for (const [entry, standard] of STANDARD_LUMINANCE.entries()) {
      const scaled = Math.min(255, Math.max(1, Math.floor((standard * scale + 50) / 100)));
      difference += Math.abs(scaled - (table[entry] ?? 0));
    }
    if (difference < least) {
      least = difference;
      best = quality;
    }
  }
  return best;
}

function readUint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}
