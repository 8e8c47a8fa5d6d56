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

describe('troupe cache', () => {
  interface Stats {
    readonly entries: number;
    readonly bytes: number;
    readonly maxBytes: number;
    readonly models: readonly { readonly names: readonly string[]; readonly entries: number }[];
    readonly vectors: readonly {
      readonly of: { readonly dataset?: string; readonly model?: string };
      readonly counts: Readonly<Record<string, number>>;
    }[];
  }
  const stats = async () => JSON.parse(await good('cache', 'stats', '--json')) as Stats;

  it('stats shows what is held by model, and where vectors came from since the node started', async () => {
    const { entries, bytes, maxBytes, models, vectors } = await stats();
    expect({ entries, maxBytes }).toEqual({ entries: UNIQUE + 1, maxBytes: 2 ** 28 });
    expect(bytes).toBeGreaterThan(entries * 224 * 4);
    expect(models).toMatchObject([
      { names: ['troupe-tiny'], entries, dimension: 224, vectorBytes: entries * 224 * 4 },
    ]);
    const third = vectors.find(({ of }) => of.dataset === 'third');
    expect(third?.counts).toMatchObject({ shared: UNIQUE + 1, inference: 0 });
    const served = vectors.find(({ of }) => of.model === 'troupe-tiny');
    expect(served?.counts).toEqual({ memory: 0, shared: UNIQUE, flight: 0, inference: 1 });
    expect(await good('cache', 'stats')).toMatch(/troupe-tiny +224 +f32 +21/);
  });

  it('clear asks for --yes, takes one model or all, in the bucket and in memory, and nothing of a dataset', async () => {
    expect(await system.command('cache', 'clear')).toMatchObject({ code: 2 });
    const unknown = await system.command('cache', 'clear', '--model', 'none', '--yes');
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('(troupe-tiny), got none') });
    expect((await stats()).entries).toBe(UNIQUE + 1);
    const [content = new Uint8Array()] = contents;
    const { link, names } = await system.connect();
    const cause = async () => {
      const answer = await link.requestMessage(names.subjects.embed('troupe-tiny'), content, 10_000);
      return answer.headers?.get('Troupe-Cause');
    };
    expect(await cause()).toBe('memory');
    expect(await good('cache', 'clear', '--model', 'troupe-tiny', '--yes')).toContain('21 vectors');
    expect((await stats()).entries).toBe(0);
    await system.waitFor(async () => (await cause()) !== 'memory', {
      deadlineMs: 10_000,
      what: 'the node has forgotten the vector, too',
    });
    await good('cache', 'clear', '--yes');
    const before = await counted('third');
    expect(await counted('third')).toEqual(before);
  });

  it('warm brings back what a manifest was cut with, so that a new dataset pays for nothing', async () => {
    await good('cache', 'clear', '--yes');
    await good('manifest', 'cut', 'second');
    const none = await system.command('cache', 'warm', '--from', 'second@9');
    expect(none).toMatchObject({ code: 1, stderr: expect.stringContaining('no manifest 9 of second') });
    const warmed = JSON.parse(await good('cache', 'warm', '--from', 'second@1', '--json')) as object;
    expect(warmed).toMatchObject({ dataset: 'second', manifest: 1, added: UNIQUE, present: 0, missing: 0 });
    expect(await good('cache', 'warm', '--from', 'second')).toContain(`${UNIQUE} were there already`);
    await good('dataset', 'create', 'fourth');
    expect(await counted('fourth')).toMatchObject({ inference: 0, shared: UNIQUE });
    expect(await good('audit-log')).toMatch(/cache warm[\s\S]*cache clear|cache clear[\s\S]*cache warm/);
  });
});
