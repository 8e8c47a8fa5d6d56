import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { CodecError, decode, encode } from '#nats';

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

describe('the codec', () => {
  it('gives back what was encoded', () => {
    fc.assert(
      fc.property(value, (original) => {
        expect(plain(decode(encode(original)))).toEqual(plain(original));
      }),
    );
  });

  it('encodes the same value to the same bytes, whatever was encoded before', () => {
    fc.assert(
      fc.property(value, value, (one, other) => {
        const first = encode(one);
        encode(other);
        expect(encode(structuredClone(one))).toEqual(first);
      }),
    );
  });

  it('begins each message with the version', () => {
    expect(encode('x')[0]).toBe(1);
    expect(() => decode(new Uint8Array([2, 0xc0]))).toThrow(CodecError);
    expect(() => decode(new Uint8Array())).toThrow(CodecError);
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
      fc.property(fc.uint8Array({ maxLength: 60 }), (noise) => {
        try {
          decode(new Uint8Array([1, ...noise]));
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
