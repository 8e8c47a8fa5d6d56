import { describe, expect, it } from 'vitest';
import { SharedRead } from '../../../actors/pipeline/shared-read.ts';

/** Reads that end when the test says so. */
function reads() {
  const open: { resolve: (value: number) => void; reject: (error: Error) => void }[] = [];
  const shared = new SharedRead(
    () =>
      new Promise<number>((resolve, reject) => {
        open.push({ resolve, reject });
      }),
  );
  return { shared, open };
}

/** Lets every promise that can go on do so. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

describe('a shared read', () => {
  it('begins at once where none is under way', async () => {
    const { shared, open } = reads();
    const answer = shared.get();
    await turn();
    open[0]?.resolve(1);
    expect(await answer).toBe(1);
    expect(open).toHaveLength(1);
  });

  it('is the next one, and one for all, for those who ask while one is under way', async () => {
    const { shared, open } = reads();
    const first = shared.get();
    await turn();
    const later = [shared.get(), shared.get()];
    await turn();
    expect(open).toHaveLength(1);
    open[0]?.resolve(1);
    await turn();
    open[1]?.resolve(2);
    expect([await first, ...(await Promise.all(later))]).toEqual([1, 2, 2]);
    expect(open).toHaveLength(2);
  });

  it('fails for those who share it and for nobody later', async () => {
    const { shared, open } = reads();
    const first = shared.get();
    await turn();
    const later = shared.get();
    open[0]?.reject(new Error('no leader'));
    await expect(first).rejects.toThrow('no leader');
    await turn();
    open[1]?.resolve(2);
    expect(await later).toBe(2);
  });
});
