import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type SniffedType, sniff } from '../../../actors/image/sniff.ts';

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

function isoMedia(major: string, ...compatible: string[]): Uint8Array {
  const brands = [major, '\0\0\0\0', ...compatible].join('');
  return Uint8Array.from([0, 0, 0, 8 + brands.length, ...ascii(`ftyp${brands}`)]);
}

const known: readonly (readonly [string, Uint8Array, SniffedType])[] = [
  ['JPEG', bytes(0xff, 0xd8, 0xff, 0xe0, 0, 16), 'image/jpeg'],
  ['PNG', bytes(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0), 'image/png'],
  ['GIF', ascii('GIF89a...'), 'image/gif'],
  ['WebP', ascii('RIFF\x10\0\0\0WEBPVP8 '), 'image/webp'],
  ['little-endian TIFF', bytes(0x49, 0x49, 0x2a, 0, 8), 'image/tiff'],
  ['big-endian BigTIFF', bytes(0x4d, 0x4d, 0, 0x2b, 0), 'image/tiff'],
  ['BMP', bytes(0x42, 0x4d, 70, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 1), 'image/bmp'],
  ['AVIF', isoMedia('avif', 'mif1'), 'image/avif'],
  ['AVIF under a generic brand', isoMedia('mif1', 'avif', 'miaf'), 'image/avif'],
  ['HEIC', isoMedia('heic', 'mif1'), 'image/heic'],
  ['PDF', ascii('%PDF-1.7'), 'application/pdf'],
  ['SVG', ascii('<svg xmlns="http://www.w3.org/2000/svg"/>'), 'image/svg+xml'],
  [
    'SVG after a prolog',
    ascii('\ufeff<?xml version="1.0"?>\n<!-- drawn -->\n<svg viewBox="0 0 1 1">'),
    'image/svg+xml',
  ],
  ['a JSON object', ascii('  {"uri":"file:///a"}'), 'application/json'],
  ['a JSON array', ascii('[1]'), 'application/json'],
];

describe('sniff', () => {
  it.each(known)('knows %s', (_name, content, type) => {
    expect(sniff(content)).toBe(type);
  });

  it.each([
    ['nothing', bytes()],
    ['text that begins like a BMP', ascii('BMW builds cars in Bavaria')],
    ['a RIFF sound', ascii('RIFF\x10\0\0\0WAVEfmt ')],
    ['an ISO film', isoMedia('isom', 'mp42')],
    ['HTML', ascii('<!doctype html><p>svg</p>')],
    ['the first two bytes of a JPEG', bytes(0xff, 0xd8)],
  ])('does not claim %s', (_name, content) => {
    expect(sniff(content)).toBe('application/octet-stream');
  });

  it('answers for any bytes, also a view into a larger buffer', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat({ max: 8 }), (content, skipped) => {
        expect(sniff(content.subarray(skipped))).toBe(sniff(content.slice(skipped)));
      }),
    );
  });
});
