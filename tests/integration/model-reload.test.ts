// A new version of a model that a node serves, while requests for vectors keep coming: it is opened beside the present one and
// takes its place at once; nobody is refused, and every answer says which version it is of.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256Hex } from '#actors';
import { statsOf } from '#nats';
import { modelConfigSchema } from '../../actors/config/index.ts';
import { ModelRegistry } from '../../cli/node/model-registry.ts';
import { encodeModel } from '../../scripts/onnx-writer.ts';
import { type TestPictures, testPictures } from '../support/images.ts';
import { flatteningModel } from '../support/onnx-models.ts';
import { TroupeSystem } from '../support/troupe-system.ts';

const PIXELS = { file: 'pixels.onnx', layout: 'NHWC', size: [8, 6], dimension: 144 };
/** Other numbers of the same pictures. */
const CHANGED = { ...PIXELS, mean: 0.25 };
const BYTES = encodeModel(flatteningModel({ input: ['N', 6, 8, 3], output: ['N', 144] }));
const CLIENTS = 8;
const ANSWER_MS = 10_000;
const SWITCHED = { deadlineMs: 60_000, what: 'answers are of the new version' };

let system: TroupeSystem;
let pictures: TestPictures;
let contents: readonly Uint8Array[];

interface Answer {
  readonly version: string | undefined;
  readonly failure: string;
  readonly vector: readonly number[];
  /** Order in which requests were sent and answers came. */
  readonly sent: number;
  readonly came: number;
}

beforeAll(async () => {
  [system, pictures] = await Promise.all([TroupeSystem.create(), testPictures(60)]);
  contents = await Promise.all(pictures.of('scene').map(({ path }) => readFile(path)));
  await writeFile(join(system.folder, PIXELS.file), BYTES);
  await configure({ models: { pixels: PIXELS } });
  await system.start();
  await add('1.0.0');
  await system.stop();
  await configure({ models: { pixels: PIXELS }, node: { embedding: { serve: ['pixels@^1'] } } });
  await system.start();
});

afterAll(async () => {
  await system?.[Symbol.asyncDispose]();
  await pictures?.[Symbol.asyncDispose]();
});

function configure(config: object): Promise<void> {
  return writeFile(join(system.folder, 'troupe.yaml'), JSON.stringify({ version: 1, ...config }));
}

async function add(version: string): Promise<void> {
  const { code, stdout, stderr } = await system.command(
    'model',
    'add',
    'pixels',
    '--max-batch',
    '1',
    '--json',
  );
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  expect(JSON.parse(stdout)).toMatchObject({ version });
}

/** Asks without pause, by several clients, until it is stopped; a failed request is an answer, too. */
async function askAllTheTime() {
  const { link, names } = await system.connect();
  const answers: Answer[] = [];
  let isOver = false;
  let turn = 0;
  const client = async (at: number) => {
    for (let round = 0; !isOver; round++) {
      const sent = turn++;
      const picture = contents[(at + round) % contents.length] ?? new Uint8Array();
      // Bytes behind the end make every second one a content of its own, which costs a run.
      const asked = round % 2 === 0 ? picture : Buffer.concat([picture, Buffer.from(`${at} ${round}`)]);
      const said = await link
        .requestMessage(names.subjects.embed('pixels'), asked, ANSWER_MS)
        .then(({ headers, data }) => ({
          version: headers?.get('Troupe-Model-Version'),
          failure: headers?.get('Nats-Service-Error') ?? '',
          vector: [...new Float32Array(new Uint8Array(data).buffer)],
        }))
        .catch((error: unknown) => ({ version: undefined, failure: String(error), vector: [] }));
      answers.push({ ...said, sent, came: turn++ });
    }
  };
  const clients = Promise.all(Array.from({ length: CLIENTS }, (_, at) => client(at)));
  return {
    answers,
    stop: async () => {
      isOver = true;
      await clients;
    },
  };
}

const versionsIn = (answers: readonly Answer[]) => new Set(answers.map(({ version }) => version));

describe('a served range of versions', () => {
  it('goes on to a version that is added, at once and without a gap, and the former one ends', async () => {
    const asking = await askAllTheTime();
    await system.waitFor(() => asking.answers.length > 100, { deadlineMs: 60_000, what: '100 answers' });
    expect(versionsIn(asking.answers)).toEqual(new Set(['1.0.0']));
    await configure({ models: { pixels: CHANGED } });
    await add('1.1.0');
    await system.waitFor(() => asking.answers.at(-1)?.version === '1.1.0', SWITCHED);
    const before = asking.answers.length;
    await system.waitFor(() => asking.answers.length > before + 100, { deadlineMs: 60_000, what: 'answers' });
    await asking.stop();
    const { answers } = asking;
    expect(answers.filter(({ failure }) => failure !== '')).toEqual([]);
    expect(versionsIn(answers)).toEqual(new Set(['1.0.0', '1.1.0']));
    const firstCame = Math.min(
      ...answers.filter(({ version }) => version === '1.1.0').map(({ came }) => came),
    );
    expect(versionsIn(answers.filter(({ sent }) => sent > firstCame))).toEqual(new Set(['1.1.0']));
    expect(answers.every(({ vector }) => vector.length === PIXELS.dimension)).toBe(true);
    // The versions differ in their numbers: no answer was made by one and named after the other.
    const [former, present] = ['1.0.0', '1.1.0'].map(
      (wanted) =>
        new Set(answers.flatMap(({ version, vector }) => (version === wanted ? [vector.join()] : []))),
    );
    expect(former?.size).toBeGreaterThan(0);
    expect(former?.isDisjointFrom(present ?? new Set())).toBe(true);
    await system.waitFor(async () => (await served())?.retiring === 0, {
      deadlineMs: 30_000,
      what: 'the former version has ended',
    });
    expect(await served()).toMatchObject({ model: { name: 'pixels', version: '1.1.0' } });
  });

  it('stays with the present version where the new one cannot be opened, and says so in the log', async () => {
    const broken = Buffer.from('no model');
    const file = join(system.folder, 'broken.onnx');
    await writeFile(file, broken);
    const { link, names } = await system.connect();
    const registry = new ModelRegistry({ link, names });
    const [newest] = (await registry.list('pixels')).slice(-1);
    if (newest === undefined) throw new Error('no version is there');
    const record = {
      ...newest,
      version: '1.2.0',
      digest: sha256Hex(broken),
      bytes: broken.length,
      settings: modelConfigSchema.parse({ ...newest.settings, sha256: sha256Hex(broken) }),
    };
    const asking = await askAllTheTime();
    expect(await registry.add(record, file)).toBe(true);
    await system.command('dataset', 'create', 'any');
    await system.waitFor(() => system.log.includes('could not be opened'), {
      deadlineMs: 60_000,
      what: 'the node says that it stays with the present version',
    });
    const before = asking.answers.length;
    await system.waitFor(() => asking.answers.length > before + 50, { deadlineMs: 60_000, what: 'answers' });
    await asking.stop();
    expect(asking.answers.filter(({ failure }) => failure !== '')).toEqual([]);
    expect(versionsIn(asking.answers)).toEqual(new Set(['1.1.0']));
  });
});

interface Served {
  readonly retiring: number;
  readonly model: object;
}

async function served(): Promise<Served | undefined> {
  const { link, names } = await system.connect();
  const [node] = await statsOf(link, names.service, 5_000, 1);
  return (node?.data as { readonly embedding: { readonly pixels: Served } } | undefined)?.embedding.pixels;
}
