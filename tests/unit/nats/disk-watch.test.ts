import { describe, expect, it } from 'vitest';
import { DISK_RESERVE_BYTES, DiskWatch } from '../../../nats/server/index.ts';

describe('the watch of a disk', () => {
  it('tells a change once: full below the reserve, room again from twice of it on', async () => {
    let free = 10 * DISK_RESERVE_BYTES;
    const disk = new DiskWatch(() => Promise.resolve(free));
    const look = async (bytes: number) => {
      free = bytes;
      return (await disk.look())?.isFull;
    };
    expect(await look(DISK_RESERVE_BYTES)).toBeUndefined();
    expect(await look(DISK_RESERVE_BYTES - 1)).toBe(true);
    expect(await look(0)).toBeUndefined();
    expect(await look(2 * DISK_RESERVE_BYTES - 1)).toBeUndefined();
    expect(await look(2 * DISK_RESERVE_BYTES)).toBe(false);
    expect(disk.isFull).toBe(false);
  });

  it('stays as it was where it cannot be looked at', async () => {
    let answer: () => Promise<number> = () => Promise.resolve(0);
    const disk = new DiskWatch(() => answer());
    expect((await disk.look())?.isFull).toBe(true);
    answer = () => Promise.reject(new Error('no such folder'));
    expect(await disk.look()).toBeUndefined();
    expect(disk.isFull).toBe(true);
  });
});
