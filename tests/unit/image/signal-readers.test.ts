// What is read of a file's structure without decoding it: JPEG quality from quantisation tables, capture time from
// EXIF. Both are handed bytes by strangers, so that nothing may make them fail.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readExif } from '../../../actors/image/exif.ts';
import { jpegQuality } from '../../../actors/image/jpeg-quality.ts';

/** The standard luminance table in zigzag order, scaled as the Independent JPEG Group's encoder does. */
function tableOf(quality: number): number[] {
  const standard = [
    16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37, 29, 40,
    58, 51, 61, 60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87, 95, 98, 103, 104,
    103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99,
  ];
  const scale = quality < 50 ? Math.floor(5000 / quality) : 200 - quality * 2;
  return standard.map((entry) => Math.min(255, Math.max(1, Math.floor((entry * scale + 50) / 100))));
}

const segment = (marker: number, body: readonly number[]): number[] => [
  ...[0xff, marker, (body.length + 2) >> 8, (body.length + 2) & 255],
  ...body,
];

const jpeg = (...segments: readonly (readonly number[])[]): Uint8Array =>
  Uint8Array.from([0xff, 0xd8, ...segments.flat(), ...segment(0xda, [1, 2, 3]), 0xff, 0xd9]);

describe('the JPEG quality', () => {
  it('is the one that the encoder was given, for every quality', () => {
    for (let quality = 1; quality <= 100; quality += 1) {
      const found = jpegQuality(jpeg(segment(0xe0, [1, 2]), segment(0xdb, [0, ...tableOf(quality)])));
      // Qualities of which the tables are equal cannot be told apart.
      expect(tableOf(found ?? 0)).toEqual(tableOf(quality));
    }
  });

  it('is read from table 0, wherever it stands and of 16 bits too', () => {
    const chrominance = [1, ...tableOf(90).reverse()];
    const wide = [0x10, ...tableOf(35).flatMap((entry) => [0, entry])];
    expect(jpegQuality(jpeg(segment(0xdb, [...chrominance, 0, ...tableOf(35)])))).toBe(35);
    expect(jpegQuality(jpeg(segment(0xdb, chrominance), segment(0xdb, wide)))).toBe(35);
    expect(jpegQuality(jpeg([0xff, 0xff], segment(0xdb, [0, ...tableOf(75)])))).toBe(75);
  });

  it('is the nearest for a table of another encoder', () => {
    const other = tableOf(80).map((entry, at) => entry + (at % 3 === 0 ? 1 : 0));
    const found = jpegQuality(jpeg(segment(0xdb, [0, ...other]))) ?? 0;
    expect(Math.abs(found - 80)).toBeLessThanOrEqual(3);
  });

  it('is unknown without a table before the data, or with half a one', () => {
    expect(jpegQuality(jpeg())).toBeUndefined();
    expect(jpegQuality(jpeg(segment(0xdb, [0, ...tableOf(80).slice(1)])))).toBeUndefined();
    expect(jpegQuality(jpeg(segment(0xdb, [1, ...tableOf(80)])))).toBeUndefined();
    expect(jpegQuality(new Uint8Array(0))).toBeUndefined();
  });

  it('of any bytes is a number from 1 to 100 or unknown', () => {
    const bytes = fc.array(fc.oneof(fc.constantFrom(0xff, 0xdb, 0, 67), fc.nat(255)), { maxLength: 300 });
    fc.assert(
      fc.property(bytes, (given) => {
        const quality = jpegQuality(Uint8Array.from([0xff, 0xd8, ...given]));
        if (quality !== undefined) expect(quality >= 1 && quality <= 100).toBe(true);
      }),
    );
  });
});

interface Tag {
  readonly tag: number;
  readonly text: string;
}

/** A little-endian block: a root directory that points to one with these texts. */
function exifBlock(
  tags: readonly Tag[],
  change: { readonly type?: number; readonly prefix?: boolean } = {},
): Buffer {
  const directory = 8 + 2 + 12 + 4;
  const texts = directory + 2 + tags.length * 12 + 4;
  const block = Buffer.alloc(texts + tags.length * 32);
  block.write('II*\0', 0, 'latin1');
  block.writeUInt32LE(8, 4);
  block.writeUInt16LE(1, 8);
  block.writeUInt16LE(0x8769, 10);
  block.writeUInt16LE(4, 12);
  block.writeUInt32LE(1, 14);
  block.writeUInt32LE(directory, 18);
  block.writeUInt16LE(tags.length, directory);
  for (const [at, { tag, text }] of tags.entries()) {
    const entry = directory + 2 + at * 12;
    block.writeUInt16LE(tag, entry);
    block.writeUInt16LE(change.type ?? 2, entry + 2);
    block.writeUInt32LE(text.length + 1, entry + 4);
    block.writeUInt32LE(texts + at * 32, entry + 8);
    block.write(text, texts + at * 32, 'latin1');
  }
  return change.prefix === true ? Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), block]) : block;
}

const TAKEN = 0x9003;
const TAKEN_OFFSET = 0x9011;
const DIGITISED = 0x9004;
const noon = Date.UTC(2021, 2, 4, 12, 30, 15) / 1000;

describe('the capture time', () => {
  it('is when the picture was taken, read as UTC, with or without the prefix of JPEG', () => {
    const tags = [{ tag: TAKEN, text: '2021:03:04 12:30:15' }];
    expect(readExif(exifBlock(tags))).toEqual({ state: 'read', captureTime: noon });
    expect(readExif(exifBlock(tags, { prefix: true }))).toEqual({ state: 'read', captureTime: noon });
  });

  it('counts the offset from UTC where one stands beside it', () => {
    const tags = [
      { tag: TAKEN, text: '2021:03:04 14:30:15' },
      { tag: TAKEN_OFFSET, text: '+02:00' },
    ];
    expect(readExif(exifBlock(tags))).toEqual({ state: 'read', captureTime: noon });
  });

  it('is when it was digitised, when nothing says when it was taken', () => {
    const tags = [
      { tag: TAKEN, text: '0000:00:00 00:00:00' },
      { tag: DIGITISED, text: '2021:03:04 12:30:15' },
    ];
    expect(readExif(exifBlock(tags))).toEqual({ state: 'read', captureTime: noon });
  });

  it.each([
    '2021:02:30 12:00:00',
    '2021:13:01 12:00:00',
    '2021:01:01 25:00:00',
    '2021-01-01T12:00:00',
    '',
    'today',
  ])('is unknown for %j', (text) => {
    expect(readExif(exifBlock([{ tag: TAKEN, text }]))).toEqual({ state: 'read' });
  });

  it('is unknown when its tag is no text', () => {
    const tags = [{ tag: TAKEN, text: '2021:03:04 12:30:15' }];
    expect(readExif(exifBlock(tags, { type: 7 }))).toEqual({ state: 'read' });
  });
});

describe('an EXIF block', () => {
  it('that is absent is `none`, and one that is broken is `malformed`, which is no failure', () => {
    const whole = exifBlock([{ tag: TAKEN, text: '2021:03:04 12:30:15' }]);
    expect(readExif(undefined)).toEqual({ state: 'none' });
    expect(readExif(new Uint8Array(0))).toEqual({ state: 'none' });
    expect(readExif(Buffer.from('Exif\0\0'))).toEqual({ state: 'malformed' });
    expect(readExif(Buffer.from('not a block at all'))).toEqual({ state: 'malformed' });
    expect(readExif(whole.subarray(0, 20))).toEqual({ state: 'malformed' });
    const astray = Buffer.from(whole);
    astray.writeUInt32LE(0xfffffff0, 4);
    expect(readExif(astray)).toEqual({ state: 'malformed' });
  });

  it('of any damage is read or malformed, and quickly', () => {
    const whole = exifBlock([{ tag: TAKEN, text: '2021:03:04 12:30:15' }]);
    const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 12 });
    fc.assert(
      fc.property(damage, fc.nat(whole.length), (changes, length) => {
        const damaged = Buffer.from(whole.subarray(0, length));
        for (const [at, value] of changes) if (at < damaged.length) damaged[at] = value;
        expect(['none', 'read', 'malformed']).toContain(readExif(damaged).state);
      }),
      { numRuns: 500 },
    );
  });

  it('of 64 KiB of tags that each claim all of it is read in passing', () => {
    const entries = 5000;
    const block = Buffer.alloc(65_000);
    block.write('MM\0*', 0, 'latin1');
    block.writeUInt32BE(8, 4);
    block.writeUInt16BE(entries, 8);
    for (let index = 0; index < entries; index += 1) {
      const entry = 10 + index * 12;
      block.writeUInt16BE(0x9000 + (index % 0x1000), entry);
      block.writeUInt16BE(1, entry + 2);
      block.writeUInt32BE(60_000, entry + 4);
      block.writeUInt32BE(100, entry + 8);
    }
    expect(readExif(block)).toEqual({ state: 'read' });
  });
});
