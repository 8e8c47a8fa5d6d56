// Bytes that decoders meet in the wild: real encodings, broken or made to expand, put together piece by piece.
import { createHash } from 'node:crypto';
import { crc32, deflateSync } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';

const PNG_SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** Samples that look like a photograph's to no decoder's optimisation: the same for the same seed. */
export function noise(length: number, seed = 'noise'): Buffer {
  const parts: Buffer[] = [];
  for (let block = 0; block * 64 < length; block++) {
    parts.push(createHash('sha512').update(`${seed} ${block}`).digest());
  }
  return Buffer.concat(parts).subarray(0, length);
}

/** A picture of its own for each seed: eight by six patches of colour, enlarged smoothly. */
export function picture(seed: string, width = 240, height = 180): Sharp {
  const patches = { raw: { width: 8, height: 6, channels: 3 as const } };
  return sharp(noise(8 * 6 * 3, seed), patches).resize(width, height, { kernel: 'cubic', fit: 'fill' });
}

export function jpeg(seed: string): Promise<Buffer> {
  return picture(seed).jpeg({ quality: 90 }).toBuffer();
}

export function png(seed: string): Promise<Buffer> {
  return picture(seed).png().toBuffer();
}

/** One chunk of a PNG; `crc` replaces the right sum. */
export function pngChunk(type: string, data: Uint8Array, crc?: number): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  return Buffer.concat([uint32(data.length), body, uint32(crc ?? crc32(body))]);
}

/** A PNG of these chunks after a header of this size, 8-bit gray unless said otherwise. */
export function pngOf(
  size: { readonly width: number; readonly height: number; readonly bits?: number },
  ...chunks: readonly Uint8Array[]
): Buffer {
  const { width, height, bits = 8 } = size;
  const header = Buffer.concat([uint32(width), uint32(height), Buffer.from([bits, 0, 0, 0, 0])]);
  return Buffer.concat([
    PNG_SIGNATURE,
    pngChunk('IHDR', header),
    ...chunks,
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

/** Black pixels, one bit each: 20,000 by 20,000 are 50 kB as a file and 400 MB as samples. */
export function pngBomb(side: number): Buffer {
  const rows = Buffer.alloc((Math.ceil(side / 8) + 1) * side);
  return pngOf({ width: side, height: side, bits: 1 }, pngChunk('IDAT', deflateSync(rows, { level: 9 })));
}

/** The chunks of a PNG, each as it stands in the file. */
export function pngChunks(file: Buffer): readonly { readonly type: string; readonly bytes: Buffer }[] {
  const chunks: { type: string; bytes: Buffer }[] = [];
  for (let at = PNG_SIGNATURE.length; at < file.length; ) {
    const end = at + 12 + file.readUInt32BE(at);
    chunks.push({ type: file.toString('latin1', at + 4, at + 8), bytes: file.subarray(at, end) });
    at = end;
  }
  return chunks;
}

/** The PNG with chunks put in before its pixels. */
export function pngWith(file: Buffer, ...more: readonly Uint8Array[]): Buffer {
  const chunks = pngChunks(file);
  const first = chunks.findIndex(({ type }) => type === 'IDAT');
  const bytes = chunks.map((chunk) => chunk.bytes);
  return Buffer.concat([PNG_SIGNATURE, ...bytes.slice(0, first), ...more, ...bytes.slice(first)]);
}

/** The PNG with one bit of the last sum over its pixels turned. */
export function pngWithBrokenSum(file: Buffer): Buffer {
  const broken = Buffer.from(file);
  const last = pngChunks(file).findLast(({ type }) => type === 'IDAT');
  if (last === undefined) throw new Error('a PNG without pixels');
  const end = last.bytes.byteOffset - file.byteOffset + last.bytes.length;
  broken[end - 1] = (broken[end - 1] ?? 0) ^ 1;
  return broken;
}

/** The JPEG with a segment put in after its start; `marker` is the second byte of the marker. */
export function jpegWith(file: Buffer, marker: number, data: Uint8Array): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(data.length + 2);
  const segment = Buffer.concat([Buffer.from([0xff, marker]), length, data]);
  return Buffer.concat([file.subarray(0, 2), segment, file.subarray(2)]);
}

/** The JPEG whose frame header declares another size. */
export function jpegDeclaring(file: Buffer, width: number, height: number): Buffer {
  const changed = Buffer.from(file);
  const at = segmentAt(file, [0xc0, 0xc1, 0xc2]);
  changed.writeUInt16BE(height, at + 5);
  changed.writeUInt16BE(width, at + 7);
  return changed;
}

/**
 * A gray progressive JPEG that refines nothing in as many scans as there may be: after the first one each takes a
 * hundred bytes and has a decoder visit every block of the picture.
 */
export function jpegOfScans(side: number, scans: number): Buffer {
  const blocks = Math.ceil(side / 8) ** 2;
  const size = Buffer.alloc(4);
  size.writeUInt16BE(side, 0);
  size.writeUInt16BE(side, 2);
  const segment = (marker: number, ...data: readonly number[]) =>
    Buffer.from([0xff, marker, (data.length + 2) >> 8, (data.length + 2) & 0xff, ...data]);
  const oneCode = (table: number, symbol: number) =>
    segment(0xc4, table, 1, ...new Array<number>(15).fill(0), symbol);
  const runs = Math.ceil(blocks / 32_767);
  const skipAll = entropyCoded('0'.padEnd(15, '1').repeat(runs));
  const parts = [
    segment(0xdb, 0, ...new Array<number>(64).fill(1)),
    segment(0xc2, 8, ...size, 1, 1, 0x11, 0),
    oneCode(0x00, 0),
    oneCode(0x10, 0xe0),
    segment(0xda, 1, 1, 0, 0, 0, 0),
    entropyCoded('0'.repeat(blocks)),
  ];
  for (let scan = 0; scan < scans; scan++) {
    const [coefficient, low] = [1 + Math.floor(scan / 14), 13 - (scan % 14)];
    const high = low === 13 ? 0 : low + 1;
    parts.push(segment(0xda, 1, 1, 0, coefficient, coefficient, (high << 4) | low), skipAll);
  }
  return Buffer.concat([Buffer.from([0xff, 0xd8]), ...parts, Buffer.from([0xff, 0xd9])]);
}

/** Bits as a scan has them: filled up with ones, a zero byte after each 255. */
function entropyCoded(bits: string): Buffer {
  const bytes: number[] = [];
  for (let at = 0; at < bits.length; at += 8) {
    const byte = Number.parseInt(bits.slice(at, at + 8).padEnd(8, '1'), 2);
    bytes.push(byte, ...(byte === 0xff ? [0] : []));
  }
  return Buffer.from(bytes);
}

function segmentAt(file: Buffer, markers: readonly number[]): number {
  for (let at = 2; at + 4 < file.length; at += 2 + file.readUInt16BE(at + 2)) {
    if (markers.includes(file[at + 1] ?? 0)) return at;
  }
  throw new Error('a JPEG without the segment');
}

/** An EXIF block whose directories lead back to themselves and whose entries claim gigabytes. */
export function hostileExif(): Buffer {
  const block = Buffer.alloc(64);
  block.write('MM\0*', 0, 'latin1');
  block.writeUInt32BE(8, 4);
  block.writeUInt16BE(3, 8);
  const entry = (index: number, tag: number, type: number, count: number, value: number): void => {
    const at = 10 + index * 12;
    block.writeUInt16BE(tag, at);
    block.writeUInt16BE(type, at + 2);
    block.writeUInt32BE(count, at + 4);
    block.writeUInt32BE(value, at + 8);
  };
  entry(0, 0x010e, 2, 0xffff_fff0, 8);
  entry(1, 0x8769, 4, 1, 8);
  entry(2, 0x9003, 2, 0x7fff_ffff, 0xffff_fff0);
  block.writeUInt32BE(8, 46);
  return Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), block]);
}

/** An animated GIF of this picture and `frames` more, each of one pixel. */
export async function gifOfFrames(seed: string, frames: number): Promise<Buffer> {
  const still = await picture(seed).gif().toBuffer();
  const frame = Buffer.from([
    ...[0x21, 0xf9, 4, 0, 1, 0, 0, 0],
    ...[0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0],
    ...[2, 2, 0x44, 1, 0],
  ]);
  const more = Array.from({ length: frames }, () => frame);
  return Buffer.concat([still.subarray(0, still.length - 1), ...more, still.subarray(-1)]);
}

/** The GIF with a comment after its colours; browsers that run it as a script would skip the rest as one, too. */
export function gifWithComment(file: Buffer, comment: string): Buffer {
  const flags = file[10] ?? 0;
  const at = 13 + (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
  const text = Buffer.from(comment, 'latin1');
  const block = Buffer.concat([Buffer.from([0x21, 0xfe, text.length]), text, Buffer.from([0])]);
  return Buffer.concat([file.subarray(0, at), block, file.subarray(at)]);
}

/** A GIF that declares a screen of this size. */
export function gifDeclaring(file: Buffer, width: number, height: number): Buffer {
  const changed = Buffer.from(file);
  changed.writeUInt16LE(width, 6);
  changed.writeUInt16LE(height, 8);
  return changed;
}

/** A TIFF with this many entries in its one directory, which names itself as the next one. */
export function tiffLoop(): Buffer {
  const file = Buffer.alloc(64);
  file.write('II*\0', 0, 'latin1');
  file.writeUInt32LE(8, 4);
  file.writeUInt16LE(1, 8);
  file.writeUInt16LE(0x100, 10);
  file.writeUInt16LE(3, 12);
  file.writeUInt32LE(1, 14);
  file.writeUInt32LE(10, 18);
  file.writeUInt32LE(8, 22);
  return file;
}

/** The start of an ISO base media file of this brand, and nothing that could be decoded. */
export function isoMedia(brand: string): Buffer {
  const type = Buffer.from(`ftyp${brand}\0\0\0\0mif1${brand}`, 'latin1');
  return Buffer.concat([uint32(type.length + 4), type, noise(2_000, brand)]);
}

/** An uncompressed bitmap of one colour. */
export function bmp(width: number, height: number): Buffer {
  const row = Math.ceil((width * 3) / 4) * 4;
  const file = Buffer.alloc(54 + row * height, 0x7f);
  file.fill(0, 0, 54);
  file.write('BM', 0, 'latin1');
  file.writeUInt32LE(file.length, 2);
  file.writeUInt32LE(54, 10);
  file.writeUInt32LE(40, 14);
  file.writeInt32LE(width, 18);
  file.writeInt32LE(height, 22);
  file.writeUInt16LE(1, 26);
  file.writeUInt16LE(24, 28);
  return file;
}

/** A WebP whose extended header declares the largest canvas there is. */
export async function webpDeclaring(seed: string, width: number, height: number): Promise<Buffer> {
  const inner = (await picture(seed).webp().toBuffer()).subarray(12);
  const canvas = Buffer.alloc(18);
  canvas.write('VP8X', 0, 'latin1');
  canvas.writeUInt32LE(10, 4);
  canvas.writeUIntLE(width - 1, 12, 3);
  canvas.writeUIntLE(height - 1, 15, 3);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(4 + canvas.length + inner.length);
  return Buffer.concat([Buffer.from('RIFF'), size, Buffer.from('WEBP'), canvas, inner]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}
