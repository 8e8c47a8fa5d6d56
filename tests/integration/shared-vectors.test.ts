// Each content is paid for once in a whole system, whichever dataset had it first, and also after the node has started
// anew: counted by where vectors came from.
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EmbedCounts, sha256Hex } from '#actors';
import { type TestPictures, testPictures } from '../support/images.ts';
import { TroupeSystem } from '../support/troupe-system.ts';

const UNIQUE = 20;
/** Two of three items are exact duplicates of another. */
const ITEMS = 3 * UNIQUE;
const RESTARTED = { timeout: 120_000 };

let system: TroupeSystem;
let pictures: TestPictures;
let contents: readonly Uint8Array[];

beforeAll(async () => {
  [system, pictures] = await Promise.all([
    TroupeSystem.up({
      config: { version: 1, node: { embedding: { serve: ['troupe-tiny'] } }, datasets: { first: {} } },
      dataset: 'first',
    }),
    testPictures(60),
  ]);
  const scenes = pictures.of('scene').slice(0, UNIQUE);
  contents = await Promise.all(scenes.map(({ path }) => readFile(path)));
  await mkdir(join(system.folder, 'items'));
  for (let at = 0; at < ITEMS; at++) {
    const { path } = scenes[at % UNIQUE] ?? { path: '' };
    await copyFile(path, join(system.folder, 'items', `item-${at}.jpg`));
  }
});

afterAll(async () => {
  await system?.[Symbol.asyncDispose]();
  await pictures?.[Symbol.asyncDispose]();
});

async function good(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await system.command(...args);
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

/** Publishes all items to a dataset; tells where their vectors came from. */
async function counted(dataset: string): Promise<EmbedCounts> {
  await good('publish', dataset, 'items', '--wait');
  const status = JSON.parse(await good('status', '--json')) as {
    readonly datasets: readonly { readonly name: string; readonly vectors: EmbedCounts }[];
  };
  const found = status.datasets.find(({ name }) => name === dataset);
  if (found === undefined) throw new Error(`status tells nothing of ${dataset}`);
  return found.vectors;
}

const total = ({ stored, shared, flight, inference }: EmbedCounts) => stored + shared + flight + inference;

describe('the vectors of items of which two in three are exact duplicates', () => {
  it('cost as many inferences as there are contents when all are new', async () => {
    const counts = await counted('first');
    expect(total(counts)).toBe(ITEMS);
    expect(counts).toMatchObject({ inference: UNIQUE, shared: 0 });
  });

  it('cost none in another dataset', async () => {
    await good('dataset', 'create', 'second');
    const counts = await counted('second');
    expect(total(counts)).toBe(ITEMS);
    expect(counts).toMatchObject({ inference: 0, shared: UNIQUE });
  });

  it('cost none after the node has started anew', RESTARTED, async () => {
    await system.stop();
    await system.start();
    await good('dataset', 'create', 'third');
    const counts = await counted('third');
    expect(total(counts)).toBe(ITEMS);
    expect(counts).toMatchObject({ inference: 0, shared: UNIQUE });
  });

  it('are those that the embedding service gives to others, and the other way round', async () => {
    const { link, names } = await system.connect();
    const ask = async (bytes: Uint8Array) => {
      const answer = await link.requestMessage(names.subjects.embed('troupe-tiny'), bytes, 10_000);
      return answer.headers?.get('Troupe-Cause');
    };
    expect(await Promise.all(contents.map(ask))).toEqual(contents.map(() => 'shared'));
    const fresh = await readFile(pictures.of('scene').at(-1)?.path ?? '');
    expect(contents.map(sha256Hex)).not.toContain(sha256Hex(fresh));
    expect(await ask(fresh)).toBe('inference');
    const before = await counted('third');
    await good('publish', 'third', pictures.of('scene').at(-1)?.path ?? '', '--wait');
    const after = await counted('third');
    expect(after).toMatchObject({ shared: before.shared + 1, inference: before.inference });
  });
});
