import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CodecError, VersionedCodec } from '#nats';
import { decodeFrame, encodeEvents, encodeFrame } from '../../../nats/journal-frame.ts';

const codec = new VersionedCodec();

describe('a journal frame', () => {
  it('comes back with kind, epoch, snapshots and events', () => {
    const frame = {
      kind: 'snapshot' as const,
      epoch: 7,
      snapshots: [
        { sequence: 12, digest: 'b'.repeat(64) },
        { sequence: 3, digest: 'a'.repeat(64) },
      ],
      events: [],
    };
    expect(decodeFrame(encodeFrame(frame, codec), codec)).toEqual(frame);
  });

  it('is split between events only, in order, each part within the limit if its events allow', () => {
    const events = fc.array(fc.string({ maxLength: 400 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(events, fc.integer({ min: 50, max: 2_000 }), (all, maxBytes) => {
        const parts = [...encodeEvents({ epoch: 2, snapshots: [], events: all }, maxBytes, codec)];
        const frames = parts.map((part) => decodeFrame(part, codec));
        expect(frames.flatMap((frame) => frame.events)).toEqual(all);
        parts.forEach((part, index) => {
          expect(part.length <= maxBytes || frames[index]?.events.length === 1).toBe(true);
        });
        expect(frames.every((frame) => frame.kind === 'events' && frame.epoch === 2)).toBe(true);
      }),
    );
  });

  it.each([[null], [[1, 2, 3]], [[9, 1, [], []]], [[1, 'x', [], []]], [[1, 1, [[1]], []]], [[1, 1, [], {}]]])(
    'is not %j',
    (value) => {
      expect(() => decodeFrame(codec.encode(value), codec)).toThrow(CodecError);
    },
  );
});
