import { describe, expect, it } from 'vitest';
import { Ending } from '../../../cli/node/ending.ts';

describe('the end of a node', () => {
  it('begins once, whoever says so', () => {
    let begun = 0;
    const ending = new Ending(() => {
      begun += 1;
    });
    ending.begin();
    ending.begin();
    expect(begun).toBe(1);
  });

  it('names what is waited for, in order, until that is over, however it ends', async () => {
    const ending = new Ending();
    const [one, other] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
    const first = ending.waitFor('first', one.promise);
    const second = ending.waitFor('second', other.promise);
    const twice = ending.waitFor('second', other.promise);
    expect(ending.pending).toEqual(['first', 'second', 'second']);
    one.resolve('done');
    expect(await first).toBe('done');
    expect(ending.pending).toEqual(['second', 'second']);
    other.reject(new Error('failed'));
    await expect(second).rejects.toThrow('failed');
    await expect(twice).rejects.toThrow('failed');
    expect(ending.pending).toEqual([]);
  });
});
