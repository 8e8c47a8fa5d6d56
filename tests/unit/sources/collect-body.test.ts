// What a fetched body holds: admitted before it is taken, once, and never more than the limit.
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '#testkit';
import { type BodyLimits, collectBody } from '../../../actors/sources/collect-body.ts';
import { FetchDeadline } from '../../../actors/sources/fetch-deadline.ts';

const MIB = 1024 * 1024;

async function collect(
  body: Readable,
  more: Partial<BodyLimits> = {},
): Promise<{ readonly bytes: Uint8Array; readonly asked: readonly number[] }> {
  const asked: number[] = [];
  const times = { timeoutMs: 1_000, stallMs: 1_000 };
  using deadline = new FetchDeadline(new ManualClock(), times, new AbortController().signal);
  const bytes = await collectBody(body, {
    maxBytes: 8 * MIB,
    deadline,
    admit: async (amount) => void asked.push(amount),
    ...more,
  });
  return { bytes, asked };
}

function* parts(bytes: number): Generator<Buffer> {
  for (let at = 0; at < bytes; at += MIB / 4) yield Buffer.alloc(Math.min(MIB / 4, bytes - at), at % 251);
}

describe('a body', () => {
  it('of a known length is admitted with just that', async () => {
    const { bytes, asked } = await collect(Readable.from(parts(3 * MIB)), { announced: 3 * MIB });
    expect(asked).toEqual([3 * MIB]);
    expect(Buffer.from(bytes).equals(Buffer.concat([...parts(3 * MIB)]))).toBe(true);
    expect(bytes.buffer.byteLength).toBe(3 * MIB);
  });

  it('of an unknown length is admitted with a little, and with its limit once it is longer', async () => {
    expect((await collect(Readable.from(parts(MIB)))).asked).toEqual([2 * MIB]);
    const { bytes, asked } = await collect(Readable.from(parts(5 * MIB)));
    expect(asked).toEqual([2 * MIB, 8 * MIB]);
    expect(Buffer.from(bytes).equals(Buffer.concat([...parts(5 * MIB)]))).toBe(true);
  });

  it('that is announced as too large is refused before anything is admitted or read', async () => {
    let read = 0;
    const body = new Readable({
      read() {
        read += 1;
      },
    });
    const admit = () => Promise.reject(new Error('asked'));
    await expect(collect(body, { announced: 9 * MIB, admit })).rejects.toMatchObject({ code: 'too_large' });
    expect([read, body.destroyed]).toEqual([0, true]);
  });

  it('is not read before it is admitted', async () => {
    let read = 0;
    const body = new Readable({
      read() {
        read += 1;
        this.push(null);
      },
    });
    const admitted = Promise.withResolvers<void>();
    const collected = collect(body, { announced: 0, admit: () => admitted.promise });
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    expect(read).toBe(0);
    admitted.resolve();
    expect((await collected).bytes.byteLength).toBe(0);
  });

  it('is counted by what it unpacks to', async () => {
    const packed = gzipSync(Buffer.alloc(9 * MIB));
    const compressed = { announced: packed.byteLength, encoding: 'gzip' };
    await expect(collect(Readable.from([packed]), compressed)).rejects.toMatchObject({ code: 'too_large' });
    const small = gzipSync(Buffer.alloc(7 * MIB, 3));
    const { bytes, asked } = await collect(Readable.from([small]), { encoding: 'gzip' });
    expect([bytes.byteLength, asked]).toEqual([7 * MIB, [2 * MIB, 8 * MIB]]);
  });

  it('whose sender hangs up while it waits fails by that, and ends nothing else', async () => {
    const body = new Readable({ read: () => {} });
    const admit = async () => void body.destroy(Object.assign(new Error('gone'), { code: 'ECONNRESET' }));
    await expect(collect(body, { admit })).rejects.toMatchObject({ code: 'ECONNRESET' });
  });
});
