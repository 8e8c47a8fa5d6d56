import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { CODEC_VERSIONS, CodecError, decode, encode, VersionedCodec } from '#nats';

const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: 'small' },
    fc.string(),
    fc.integer(),
    fc.double({ noNaN: true }).map((number) => number + 0),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 20 }),
    fc.array(tie('any'), { maxLength: 5 }),
    fc.dictionary(
      fc.string().filter((key) => key !== '__proto__'),
      tie('any'),
      { maxKeys: 5 },
    ),
  ),
})).any;

const version = fc.constantFrom(1, 2);

describe('the codec', () => {
  it('gives back what was encoded, in every version', () => {
    fc.assert(
      fc.property(value, version, (original, written) => {
        expect(plain(decode(encode(original, written)))).toEqual(plain(original));
      }),
    );
  });

  it('encodes the same value to the same bytes, whatever was encoded before', () => {
    fc.assert(
      fc.property(value, value, version, (one, other, written) => {
        const first = encode(one, written);
        encode(other, written);
        expect(encode(structuredClone(one), written)).toEqual(first);
      }),
    );
  });

  it('begins each message with the version', () => {
    expect(encode('x')[0]).toBe(1);
    expect(encode([], 2)[0]).toBe(2);
    expect(() => decode(new Uint8Array([3, 0xc0]))).toThrow(CodecError);
    expect(() => decode(new Uint8Array())).toThrow(CodecError);
  });

  it('states the keys of like objects in a list once from version 2 on, and writes all else as before', () => {
    const rows = Array.from({ length: 50 }, (_, at) => ({
      sequence: at,
      content: `content ${at}`,
      isKept: true,
    }));
    expect(encode(rows, 2).length).toBeLessThan(encode(rows, 1).length * 0.6);
    expect(encode({ rows }, 2)).toEqual(encode({ rows }, 1));
  });

  it('of a program that is limited to an older version writes that and reads nothing newer', () => {
    const older = new VersionedCodec({ lowest: 1, highest: 1 });
    const newer = new VersionedCodec();
    expect(newer.versions).toEqual(CODEC_VERSIONS);
    expect(older.decode(newer.encode([1]))).toEqual([1]);
    newer.write(2);
    expect(() => older.decode(newer.encode([1]))).toThrow('message version 2: this program reads 1 to 1');
    expect(newer.decode(older.encode([1]))).toEqual([1]);
    expect(() => older.write(2)).toThrow(RangeError);
  });

  it('refuses bytes which are cut short or go on', () => {
    const bytes = encode({ list: ['some', 'words', 1.5, new Uint8Array(40)], more: 'text' });
    for (let length = 1; length < bytes.length; length++) {
      expect(() => decode(bytes.subarray(0, length))).toThrow(CodecError);
    }
    expect(() => decode(new Uint8Array([...bytes, 0]))).toThrow(CodecError);
  });

  it('returns anything or a CodecError for arbitrary bytes, and is not led astray by them', () => {
    const probe = { a: 1, b: ['x'] };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), version, (noise, written) => {
        try {
          decode(new Uint8Array([written, ...noise]));
        } catch (error) {
          expect(error).toBeInstanceOf(CodecError);
        }
        expect(decode(encode(probe))).toEqual(probe);
      }),
    );
  });

  it('keeps nothing of a message which defines record structures', () => {
    const records = new Packr({ useRecords: true }).pack([{ first: 1 }, { first: 2 }]);
    decode(new Uint8Array([1, ...records]));
    expect(decode(new Uint8Array([1, 0x40]))).toBe(64);
  });

  it('copies bytes out of the message', () => {
    const message = encode([new Uint8Array([1, 2, 3])]);
    const [copy] = decode(Buffer.from(message.buffer)) as [Uint8Array];
    message.fill(0);
    expect(copy).toEqual(new Uint8Array([1, 2, 3]));
    expect(copy.constructor).toBe(Uint8Array);
  });
});

/** Objects without a prototype and -0 compare equal to their ordinary forms. */
function plain(original: unknown): unknown {
  if (Object.is(original, -0)) return 0;
  if (Array.isArray(original)) return original.map(plain);
  if (original instanceof Uint8Array || original === null || typeof original !== 'object') return original;
  return Object.fromEntries(Object.entries(original).map(([key, item]) => [key, plain(item)]));
}
