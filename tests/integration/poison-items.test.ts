// Items that end the thread that looks at them, with real threads on a real server: each is set apart with its reason,
// its neighbours settle, and nothing above the pool of threads is restarted.
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestPictures, testPictures } from '../support/images.ts';
import { InProcessDataset } from '../support/in-process-dataset.ts';
import { until } from './nats-harness.ts';
import { POISON_REASONS, type PoisonName, poisoned } from './threads/poison.ts';

/** Long enough that a slow machine runs out of memory before it runs out of time. */
const TIMEOUT_MS = 5_000;

let pictures: TestPictures;
let good: readonly Uint8Array[];

beforeAll(async () => {
  pictures = await testPictures(80);
  good = await Promise.all(pictures.of('scene').map(({ path }) => readFile(path)));
});

afterAll(() => pictures[Symbol.asyncDispose]());

async function run(poisons: readonly PoisonName[]) {
  const module = new URL('./threads/poison-analyser.ts', import.meta.url);
  const dataset = await InProcessDataset.start({
    kind: (kind) => ({ ...kind, analyserModule: module }),
    sizing: { decodeTimeoutMs: TIMEOUT_MS },
  });
  const middle = Math.floor(good.length / 2);
  const sequences = new Map<number, PoisonName>();
  let through = 0;
  for (const [at, picture] of good.entries()) {
    if (at === middle) {
      for (const [number, name] of poisons.entries()) {
        const { sequence } = await dataset.publish(poisoned(picture, name, String(number)), {
          'Troupe-Id': `${name}-${number}`,
        });
        sequences.set(sequence, name);
      }
    }
    ({ sequence: through } = await dataset.publish(picture, { 'Troupe-Id': `good-${at}` }));
  }
  await until(
    'everything is settled',
    async () => (await dataset.settled(through)).missing.count === 0,
    120_000,
  );
  return { dataset, sequences, through };
}

describe('poison items', () => {
  it.each([
    { poisons: ['exit', 'hang', 'grow'] },
    { poisons: ['stray', 'never'] },
    { poisons: ['exit', 'exit', 'exit', 'exit', 'exit', 'exit', 'exit', 'exit', 'exit', 'exit'] },
  ] satisfies readonly { readonly poisons: readonly PoisonName[] }[])(
    'die alone, each with its reason after three attempts: $poisons',
    async ({ poisons }) => {
      const { dataset, sequences, through } = await run(poisons);
      await using _ = dataset;
      const { counts } = await dataset.settled(through);
      expect(counts).toMatchObject({ dead: poisons.length, rejected: 0, repeats: 0 });
      expect(counts.eligible + counts.review).toBe(good.length);
      const letters = [...(await dataset.letters())].map(([sequence, letter]) => ({
        name: sequences.get(sequence),
        ...letter,
      }));
      expect(letters.map(({ name }) => name).sort()).toEqual([...poisons].sort());
      for (const { name, reason, attempts } of letters) {
        expect({ name, reason, attempts }).toEqual({
          name,
          reason: name && POISON_REASONS[name],
          attempts: 3,
        });
      }
      const restarts = new Map(
        [...dataset.actors()]
          .map(([path, { restarts }]) => [path, restarts] as const)
          .filter(([, n]) => n > 0),
      );
      const pool = [...restarts].filter(([path]) => path.includes('/decoders/'));
      expect([...restarts.keys()].filter((path) => !path.includes('/decoders/'))).toEqual([]);
      expect(pool.reduce((sum, [, n]) => sum + n, 0)).toBe(poisons.length);
    },
    120_000,
  );
});
