// Tells a media type from the first bytes alone. Names and declared types are never asked: the collections that
// this project is for are full of JPEGs called .png.

/** Media types that are told apart; anything else is `application/octet-stream`. */
export type SniffedType =
  | 'image/jpeg'
  | 'image/png'
  | 'image/gif'
  | 'image/webp'
  | 'image/bmp'
  | 'image/tiff'
  | 'image/svg+xml'
  | 'image/avif'
  | 'image/heic'
  | 'application/pdf'
  | 'application/json'
  | 'application/octet-stream';

const textProbeBytes = 4096;
const avifBrands = new Set(['avif', 'avis']);
const heicBrands = new Set(['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'mif1', 'msf1']);

/** Media type of `bytes` by content. */
export function sniff(bytes: Uint8Array): SniffedType {
  return sniffBinary(bytes) ?? sniffText(bytes) ?? 'application/octet-stream';
}

function sniffBinary(bytes: Uint8Array): SniffedType | undefined {
  if (startsWith(bytes, [0xff, 0xd8, 0xff])) return 'image/jpeg';
  if (startsWith(bytes, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])) return 'image/png';
  const head = latin1(bytes, 0, 6);
  if (head === 'GIF87a' || head === 'GIF89a') return 'image/gif';
  if (head.startsWith('RIFF') && latin1(bytes, 8, 12) === 'WEBP') return 'image/webp';
  if (head.startsWith('%PDF-')) return 'application/pdf';
  if (startsWith(bytes, [0x49, 0x49, 0x2a, 0]) || startsWith(bytes, [0x4d, 0x4d, 0, 0x2a]))
    return 'image/tiff';
  if (startsWith(bytes, [0x49, 0x49, 0x2b, 0]) || startsWith(bytes, [0x4d, 0x4d, 0, 0x2b]))
    return 'image/tiff';
  if (latin1(bytes, 4, 8) === 'ftyp') return sniffIsoMedia(bytes);
  if (isBmp(bytes)) return 'image/bmp';
  return undefined;
}

/** ISO base media: the major brand decides, else the compatible brands, AVIF before the generic HEIF ones. */
function sniffIsoMedia(bytes: Uint8Array): SniffedType | undefined {
  const boxBytes = readUint32(bytes, 0);
  const brands = [latin1(bytes, 8, 12)];
  for (let at = 16; at + 4 <= Math.min(boxBytes, bytes.length, 256); at += 4)
    brands.push(latin1(bytes, at, at + 4));
  if (brands.some((brand) => avifBrands.has(brand))) return 'image/avif';
  if (brands.some((brand) => heicBrands.has(brand))) return 'image/heic';
  return undefined;
}

/** "BM", reserved words zero, and a header size that exists: two letters alone would claim plain text. */
function isBmp(bytes: Uint8Array): boolean {
  if (bytes.length < 18 || bytes[0] !== 0x42 || bytes[1] !== 0x4d) return false;
  if (bytes[6] || bytes[7] || bytes[8] || bytes[9]) return false;
  return [12, 16, 40, 52, 56, 64, 108, 124].includes((bytes[14] ?? 0) + 256 * (bytes[15] ?? 0));
}

function sniffText(bytes: Uint8Array): SniffedType | undefined {
  const text = new TextDecoder('utf-8').decode(bytes.subarray(0, textProbeBytes)).trimStart();
  if (text.startsWith('{') || text.startsWith('[')) return 'application/json';
  if (text.startsWith('<') && /<svg[\s>]/i.test(text)) return 'image/svg+xml';
  return undefined;
}

function startsWith(bytes: Uint8Array, prefix: readonly number[]): boolean {
  return bytes.length >= prefix.length && prefix.every((value, index) => bytes[index] === value);
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, to));
}

function readUint32(bytes: Uint8Array, at: number): number {
  if (bytes.length < at + 4) return 0;
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at);
}
