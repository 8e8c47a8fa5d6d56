// Models in a running system, as a user adds and uses them: registered with a version, fetched by a node that lacks the file,
// measured, and shown with what is in force.
import { once } from 'node:events';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configuredModel, imageKind, inspectModel, onProvider, sha256Hex } from '#actors';
import { NatsRecords } from '#nats';
import { silentLogger } from '#runtime';
import { modelConfigSchema } from '../../actors/config/index.ts';
import { sessionSpecSchema } from '../../actors/image/session-spec.ts';
import { vectorKey } from '../../actors/pipeline/vector-store.ts';
import { settleProvider } from '../../cli/node/settle-provider.ts';
import type { NodeModel } from '../../cli/node/system-status.ts';
import { encodeModel } from '../../scripts/onnx-writer.ts';
import { type TestPictures, testPictures } from '../support/images.ts';
import { flatteningModel, varyingModel } from '../support/onnx-models.ts';
import { TroupeSystem } from '../support/troupe-system.ts';

const PIXELS = { file: 'pixels.onnx', layout: 'NHWC', size: [8, 6], dimension: 144 };
const bytes = encodeModel(flatteningModel({ input: ['N', 6, 8, 3], output: ['N', 144] }));

let system: TroupeSystem;
let pictures: TestPictures;

beforeAll(async () => {
  const models = { pixels: { ...PIXELS, store: 'i8', providers: ['cuda', 'cpu'] } };
  [system, pictures] = await Promise.all([
    TroupeSystem.create({ config: { version: 1, models }, dataset: 'art' }),
    testPictures(20),
  ]);
  await writeFile(join(system.folder, PIXELS.file), bytes);
  await system.start();
});

afterAll(async () => {
  await system?.[Symbol.asyncDispose]();
  await pictures?.[Symbol.asyncDispose]();
});

async function json<T>(...args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await system.command(...args, '--json');
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as T;
}

interface Added {
  readonly version: string;
  readonly digest: string;
  readonly present: boolean;
  readonly determinism: { readonly provider: string; readonly repeats: boolean; readonly batches: object[] };
}

describe('a model that is added to a system', () => {
  it('is measured, gets its first version, and once more is the same', async () => {
    const added = await json<Added>('model', 'add', 'pixels', '--max-batch', '4');
    expect(added).toMatchObject({ version: '1.0.0', present: false, determinism: { repeats: true } });
    expect(added.determinism.batches).toEqual(
      [1, 2, 4].map((batch) => ({ batch, bits: true, cosine: expect.closeTo(1, 6) })),
    );
    expect(await json('model', 'add', 'pixels')).toMatchObject({ version: '1.0.0', present: true });
  });

  it('makes the vectors of a dataset that names a range, from a file that the node fetched, stored as it says', async () => {
    await json('dataset', 'create', 'art', 'model=pixels@^1');
    const scenes = pictures.of('scene').slice(0, 4);
    await system.waitSettled(await system.publish(scenes));
    const [cached] = await readdir(join(system.folder, '.troupe', 'models'));
    expect(cached).toMatch(/^[0-9a-f]{64}\.onnx$/);
    const { nodes } = await json<{ nodes: readonly { models: readonly NodeModel[] }[] }>('status');
    const used = nodes[0]?.models.find(({ of }) => of === 'art');
    expect(used).toMatchObject({ name: 'pixels@^1', precision: 'i8', dimension: 144 });
    if (used?.provider === 'cpu') {
      expect(used.unavailable).toEqual([{ provider: 'cuda', reason: expect.any(String) }]);
    }
    const config = modelConfigSchema.parse({ ...PIXELS, store: 'i8' });
    const file = join(system.folder, PIXELS.file);
    const plain = await configuredModel('pixels@^1', { file, config });
    const model = used === undefined ? plain : onProvider(plain, used.provider);
    const [item] = scenes;
    if (item === undefined) throw new Error('no picture');
    const key = vectorKey({ model, kind: imageKind }, sha256Hex(await readFile(item.path)));
    // A scale and a byte for each number.
    expect(await (await system.connect()).vectors('art').get(key)).toHaveLength(4 + 144);
  });

  it('is fetched again, with its digest checked, where the copy is damaged', async () => {
    const folder = join(system.folder, '.troupe', 'models');
    const [cached = ''] = await readdir(folder);
    await system.stop();
    await writeFile(join(folder, cached), 'something else');
    await rm(join(system.folder, PIXELS.file));
    await writeFile(join(system.folder, 'troupe.yaml'), JSON.stringify({ version: 1 }));
    await system.start();
    await system.waitSettled(await system.publish(pictures.of('scene').slice(4, 7)));
    expect(await system.verdicts()).toMatchObject({ dead: 0 });
  });

  it('gets the next version when it changes; a dataset stays with the one that it took', async () => {
    await writeFile(
      join(system.folder, 'troupe.yaml'),
      JSON.stringify({ version: 1, models: { pixels: PIXELS } }),
    );
    await writeFile(join(system.folder, PIXELS.file), bytes);
    expect(await json('model', 'add', 'pixels', '--max-batch', '1')).toMatchObject({ version: '1.1.0' });
    const listed = await json<readonly { name: string; datasets: readonly string[] }[]>('model', 'list');
    expect(Object.fromEntries(listed.map(({ name, datasets }) => [name, datasets]))).toEqual({
      'troupe-tiny': ['photos'],
      pixels: [],
      'pixels@1.0.0': ['art'],
      'pixels@1.1.0': [],
    });
    const [taken, absent] = await Promise.all([
      system.command('model', 'add', 'pixels', '--name', 'pixels@1.0.0'),
      system.command('dataset', 'set', 'art', 'model=pixels@^3'),
    ]);
    expect(taken).toMatchObject({ code: 2, stderr: expect.stringContaining('model_exists') });
    expect(absent).toMatchObject({ code: 2, stderr: expect.stringContaining('the system has 1.0.0, 1.1.0') });
  });

  it('comes from a URL, and only with the digest that was asked for', async () => {
    const server = createServer((request, response) => {
      response.statusCode = request.url === '/own.onnx' ? 200 : 404;
      response.end(bytes);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const { port } = server.address() as AddressInfo;
      const url = `http://127.0.0.1:${port}`;
      const [wrong, gone, own] = await Promise.all([
        system.command('model', 'add', `${url}/own.onnx`, '--sha256', 'a'.repeat(64)),
        system.command('model', 'add', `${url}/gone.onnx`),
        json<Added>('model', 'add', `${url}/own.onnx`, '--name', 'web@3.1.0', '--max-batch', '1'),
      ]);
      expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('to have sha256 aaaa') });
      expect(gone).toMatchObject({ code: 3, stderr: expect.stringContaining('the server answered 404') });
      expect(own).toMatchObject({ name: 'web', version: '3.1.0' });
    } finally {
      server.close();
    }
  });

  it('whose vectors vary is added with that on record', async () => {
    const varying = encodeModel(varyingModel({ input: ['N', 6, 8, 3], output: ['N', 144] }));
    await writeFile(join(system.folder, 'varying.onnx'), varying);
    const added = await json<Added>('model', 'add', 'varying.onnx', '--max-batch', '2');
    expect(added).toMatchObject({ version: '1.0.0', determinism: { repeats: false } });
  });
});

describe('the provider of a model', () => {
  const config = modelConfigSchema.parse({ ...PIXELS, providers: ['cuda', 'cpu'] });
  const pixels = () => configuredModel('pixels', { file: join(system.folder, PIXELS.file), config });
  const context = async () => ({ ...(await system.connect()), log: silentLogger });

  it('is settled once for the system', async () => {
    const first = await settleProvider(await context(), await pixels());
    expect(await settleProvider(await context(), await pixels())).toEqual(first);
    expect(sessionSpecSchema.parse(first.session).providers).toEqual([first.provider]);
    if (first.provider === 'cuda') return;
    expect(first.unavailable).toEqual([{ provider: 'cuda', reason: expect.any(String) }]);
    const alone = await configuredModel('pixels', {
      file: join(system.folder, PIXELS.file),
      config: { ...config, providers: ['cpu'] },
    });
    expect(first.recipe).toBe(alone.recipe);
  });

  it('that others settled on is taken, or refused with the reason, and never changed for another', async () => {
    const { link, names } = await system.connect();
    const records = new NatsRecords(link, names.records.models);
    const [settled] = await records.entries('provider.');
    if (settled === undefined) throw new Error('nothing was settled');
    const value = Buffer.from(JSON.stringify({ model: 'pixels', provider: 'cuda', unavailable: [] }));
    for (const { key, revision } of await records.entries('provider.')) {
      await records.compareAndSet(key, value, revision);
    }
    const model = await settleProvider(await context(), await pixels());
    expect(model.provider).toBe('cuda');
    expect(model.recipe).not.toBe(onProvider(model, 'cpu').recipe);
    const opening = inspectModel(model).then(({ provider }) => provider);
    // A machine that has CUDA and its libraries runs it there.
    expect(['cuda', 'refused']).toContain(
      await opening.catch((error: unknown) => {
        expect(error).toMatchObject({ setting: 'providers', message: expect.stringContaining('cuda') });
        return 'refused';
      }),
    );
  });
});

describe('a model file', () => {
  it('is described, with an entry that `config check` takes', async () => {
    const inspection = await json<{ entry: string; runs: object; description: object }>(
      'model',
      'inspect',
      PIXELS.file,
    );
    expect(inspection).toMatchObject({
      runs: { input: 'picture', output: 'vector', provider: 'cpu', batches: [1, 2] },
      description: {
        header: { irVersion: 8, opsets: { 'ai.onnx': 13 } },
        inputs: [{ name: 'picture', type: 'float32', shape: ['N', 6, 8, 3] }],
      },
    });
    await writeFile(join(system.folder, 'proposed.yaml'), inspection.entry);
    const check = await system.command('--config', 'proposed.yaml', 'config', 'check');
    expect(check).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('picture to vector, 144 numbers'),
    });
  });

  it('that is none is refused with the reason', async () => {
    await writeFile(join(system.folder, 'text.onnx'), 'no model');
    const [text, absent] = await Promise.all([
      system.command('model', 'inspect', 'text.onnx'),
      system.command('model', 'bench', 'absent.onnx'),
    ]);
    const reasons = [
      'to be one self-contained ONNX model',
      'expected a model (troupe-tiny, pixels) or a file',
    ];
    for (const [at, run] of [text, absent].entries()) {
      expect(run).toMatchObject({ code: 2, stderr: expect.stringContaining(reasons[at] ?? '') });
    }
  });

  it('is measured by batch size, threads and sessions, and its batches agree with single pictures', async () => {
    const limits = ['--max-batch', '4', '--max-threads', '2', '--max-sessions', '2', '--cell', '20ms'];
    const bench = await json<{
      cosine: number;
      cells: readonly { batch: number; threads: number; itemsPerS: number; bits: boolean }[];
      sessions: readonly { sessions: number; itemsPerS: number }[];
      proposal: { batch: number; sessions: number };
    }>('model', 'bench', PIXELS.file, ...limits);
    expect(bench.cells.map(({ batch, threads }) => [threads, batch])).toEqual([
      [1, 1],
      [1, 2],
      [1, 4],
      [2, 1],
      [2, 2],
      [2, 4],
    ]);
    expect(bench.cells.every(({ itemsPerS, bits }) => itemsPerS > 0 && bits)).toBe(true);
    expect(bench.cosine).toBeGreaterThanOrEqual(0.9999);
    expect(bench.sessions.map(({ sessions }) => sessions)).toEqual([1, 2]);
    expect([1, 2, 4]).toContain(bench.proposal.batch);
  });
});
