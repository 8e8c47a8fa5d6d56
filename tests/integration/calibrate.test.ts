// Calibration on a running system: what it proposes is what brute force over the stored vectors finds, `--apply` takes
// force at the next cut with its origin in the manifest, and without `--apply` nothing changes.
import { existsSync } from 'node:fs';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordedVectorKey } from '#actors';
import { NatsLink, namesOf } from '#nats';
import { silentLogger } from '#runtime';
import { cosine } from '../../actors/dedup/cosine.ts';
import type { CalibrationResult } from '../../cli/calibrate/calibration-result.ts';
import { upperBound } from '../../cli/calibrate/clopper-pearson.ts';
import { isProvedCopy } from '../../cli/calibrate/sample-contents.ts';
import { datasetVectors } from '../../cli/node/dataset-blobs.ts';
import { type TestPictures, testPictures } from '../support/images.ts';
import { TroupeProcess } from '../support/troupe-process.ts';
import { TroupeSystem } from '../support/troupe-system.ts';

const DATA = fileURLToPath(new URL('../../../shared/data/', import.meta.url));
const TARGET = 5e-3;
const SEMANTIC = ['--thresholds', 'vectors.semantic', '--edits', '0'];

/** A command that must succeed, with its result as JSON. */
async function json<T>(system: TroupeSystem, ...args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await system.command(...args, '--json');
  expect({ code, stderr }, stdout).toMatchObject({ code: 0 });
  return JSON.parse(stdout) as T;
}

const proposalOf = ({ thresholds }: CalibrationResult) =>
  thresholds.find(({ name }) => name === 'vectors.semantic')?.proposed;

describe('a calibration of a running dataset', () => {
  let pictures: TestPictures;
  let system: TroupeSystem;

  beforeAll(async () => {
    pictures = await testPictures(120);
    system = await TroupeSystem.up({ dataset: 'art' });
    expect(await system.command('dataset', 'create', 'art')).toMatchObject({ code: 0 });
    await system.waitSettled(await system.publish(pictures.items));
    await system.cut();
  });

  afterAll(async () => {
    await system?.[Symbol.asyncDispose]();
    await pictures?.[Symbol.asyncDispose]();
  });

  const calibrate = (...args: readonly string[]) =>
    json<CalibrationResult & { readonly settings: readonly string[] }>(
      system,
      'calibrate',
      'art',
      '--target',
      String(TARGET),
      ...args,
    );

  /** Cosines of all pairs of contents that are not proved copies, as the stores have them. */
  async function cosines(contents: number): Promise<readonly number[]> {
    const { url, token } = await system.address();
    const link = await NatsLink.connect({
      servers: url,
      ...(token !== undefined && { token }),
      name: 'calibration test',
      log: silentLogger,
    });
    try {
      const vectors = datasetVectors(link, namesOf('troupe'), 'art');
      const { deciding } = await json<{ readonly deciding: { readonly versions: never } }>(
        system,
        'manifest',
        'show',
        'art',
      );
      const found: Float32Array[] = [];
      for (const row of await system.manifestRows()) {
        if (row.content === null || row.outcome === 'rejected' || isProvedCopy(row)) continue;
        const bytes = await vectors.get(recordedVectorKey(deciding.versions, row.content));
        if (bytes !== undefined) found.push(new Float32Array(bytes.slice().buffer));
      }
      expect(found).toHaveLength(contents);
      return found.flatMap((one, at) => found.slice(0, at).map((other) => cosine(one, other)));
    } finally {
      await link.drain();
    }
  }

  it('proposes the loosest threshold that keeps to the target among all its pairs, without what is proved a copy', async () => {
    const result = await calibrate(...SEMANTIC);
    const { sample, holdsFor } = result;
    const copies = (await system.manifestRows()).filter(
      (row) => row.content !== null && row.outcome !== 'rejected' && isProvedCopy(row),
    );
    expect(copies.length).toBeGreaterThan(5);
    expect(sample.copies).toBe(copies.length);
    expect(sample.contents).toBe(sample.population);
    expect(holdsFor).toBe('present');
    const all = await cosines(sample.contents);
    expect(sample.pairs).toBe(all.length);
    const proposed = proposalOf(result);
    const passing = (threshold: number) => all.filter((each) => each >= threshold).length;
    expect(proposed?.exceeding).toBe(passing(proposed?.threshold ?? 0));
    expect(upperBound(passing(proposed?.threshold ?? 0), all.length)).toBeLessThanOrEqual(TARGET);
    expect(upperBound(passing((proposed?.threshold ?? 0) - 1e-4), all.length)).toBeGreaterThan(TARGET);
  });

  it('is the same for a seed, and another one for another where it draws some of the pairs', async () => {
    const some = ['--pairs', '1000', ...SEMANTIC];
    const first = await calibrate(...some, '--seed', '3');
    expect(await calibrate(...some, '--seed', '3')).toEqual(first);
    expect((await calibrate(...some, '--seed', '4')).curves).not.toEqual(first.curves);
  });

  it('says what of edits each threshold finds', async () => {
    const { edits, thresholds } = await calibrate('--edits', '4', '--pairs', '700');
    expect(edits.originals).toBe(4);
    expect(thresholds.map(({ name }) => name)).toEqual([
      'vectors.semantic',
      'vectors.near',
      'phashRadius',
      'dhashRadius',
      'pixels.near',
    ]);
    const resize = edits.found.find(({ edit }) => edit === 'resize')?.by;
    expect(resize).toMatchObject({ 'vectors.semantic': 1, 'pixels.near': 1 });
    const flip = edits.found.find(({ edit }) => edit === 'flip')?.by;
    expect(flip?.['pixels.near']).toBeLessThan(1);
  });

  it('says how many pairs it would take where there are too few, with exit code 1', async () => {
    const strict = await system.command('calibrate', 'art', '--independent', '--target', '1e-3', ...SEMANTIC);
    expect(strict.code).toBe(1);
    expect(strict.stdout).toMatch(
      /vectors\.semantic: nothing proposed: a share of 1e-3 needs 2,995 pairs, these are \d\d$/m,
    );
    const modest = await calibrate('--target', '0.2', ...SEMANTIC);
    expect(modest).toMatchObject({ holdsFor: 'new', thresholds: [{ outcome: 'proposed' }] });
    expect(modest.sample.pairs).toBe(Math.min(40, Math.floor(modest.sample.contents / 2)));
    const applied = await system.command('calibrate', 'art', '--target', '1e-6', '--apply', ...SEMANTIC);
    expect(applied.code).toBe(1);
    expect((await json<object>(system, 'dataset', 'show', 'art')) as object).not.toMatchObject({
      config: { dedup: { calibration: expect.anything() } },
    });
  });

  it('ends at once at Ctrl-C, in the middle of its work', async () => {
    const run = new TroupeProcess({
      args: ['calibrate', 'art', '--target', '1e-2', '--thresholds', 'pixels.near', '--edits', '10000'],
      cwd: system.folder,
      env: system.env,
    });
    await system.waitFor(() => run.stderr.includes('looked up '), {
      deadlineMs: 60_000,
      what: 'it measures',
    });
    run.signal('SIGINT');
    const { code } = await run.ended;
    expect({ code, stdout: run.stdout }).toEqual({ code: 1, stdout: '' });
    expect(run.stderr).toMatch(/interrupted\n$/);
  });

  it('changes nothing until it is told to; then the next manifest goes by it and names the origin', async () => {
    const before = await system.manifestDigest();
    await calibrate(...SEMANTIC);
    expect(await system.cut()).toMatchObject({ unchanged: true, manifest: { digest: before } });
    const result = await calibrate(...SEMANTIC, '--apply', '--wait');
    const threshold = proposalOf(result)?.threshold;
    expect(result).toMatchObject({
      replays: true,
      settings: [`dedup.vectors.semantic=${threshold}`],
      config: { dedup: { vectors: { semantic: threshold, near: null } } },
    });
    const { manifest } = await system.cut();
    expect(manifest.digest).not.toBe(before);
    const shown = await json<{ readonly deciding: unknown }>(system, 'manifest', 'show', 'art');
    expect(shown.deciding).toMatchObject({
      dedup: {
        vectors: { semantic: threshold },
        calibration: [
          {
            name: 'vectors.semantic',
            value: threshold,
            target: TARGET,
            manifest: manifest.number - 1,
            model: 'troupe-tiny',
            modelDigest: result.modelDigest,
            pairs: result.sample.pairs,
            exceeding: proposalOf(result)?.exceeding,
            seed: 1,
          },
        ],
      },
    });
    const related = (await system.manifestRows()).filter(({ relation }) => relation === 'semantic');
    for (const { evidence } of related) expect(evidence?.similarity).toBeGreaterThanOrEqual(threshold ?? 1);
    const text = await system.command('manifest', 'show', 'art');
    expect(text.stdout).toMatch(
      new RegExp(`^threshold vectors.semantic ${threshold}: calibrated 20.* seed 1$`, 'm'),
    );
    expect(await system.command('manifest', 'verify', 'art')).toMatchObject({ code: 0 });
  });

  it('finds the same again: what vectors alone relate is no proof', async () => {
    const again = await calibrate(...SEMANTIC);
    expect(proposalOf(again)?.threshold).toBe(proposalOf(again) && again.thresholds[0]?.present?.threshold);
  });

  it('is forgotten when the threshold is changed by hand, and then the digest is that of a dataset without one', async () => {
    await json(system, 'dataset', 'set', 'art', 'dedup.vectors.semantic=null', '--wait');
    await system.cut();
    const shown = await json<{ readonly deciding: { readonly dedup: object } }>(
      system,
      'manifest',
      'show',
      'art',
    );
    expect(shown.deciding.dedup).not.toHaveProperty('calibration');
    const [first, ...others] = await json<{ readonly manifests: readonly { readonly digest: string }[] }>(
      system,
      'manifest',
      'list',
      'art',
    ).then(({ manifests }) => manifests);
    expect(others.at(-1)?.digest).toBe(first?.digest);
  });
});

describe.skipIf(!existsSync(DATA))('a calibration of photographs (skipped: ../shared/data is absent)', () => {
  let system: TroupeSystem;

  beforeAll(async () => {
    system = await TroupeSystem.create({
      config: {
        version: 1,
        models: {
          squeezenet: {
            file: 'models/squeezenet.onnx',
            input: 'data_0',
            channels: 'BGR',
            size: 224,
            resize: { mode: 'shortest', to: 256 },
            scale: 1,
            mean: [104, 117, 123],
            output: 'emb512',
            pooling: 'spatial',
            dimension: 512,
          },
        },
        datasets: { photos: { model: 'squeezenet' } },
      },
    });
    await mkdir(join(system.folder, 'models'));
    await symlink(join(DATA, 'models/squeezenet-emb512.onnx'), join(system.folder, 'models/squeezenet.onnx'));
    await system.start();
    expect(await system.command('publish', 'photos', join(DATA, 'photos'), '--wait')).toMatchObject({
      code: 0,
    });
    expect(await system.command('manifest', 'cut', 'photos')).toMatchObject({ code: 0 });
  });

  afterAll(() => system?.[Symbol.asyncDispose]());

  it('proposes what SqueezeNet needs to tell 200 different ones apart, and finds nearly all edits with it', async () => {
    const result = await json<CalibrationResult>(
      system,
      'calibrate',
      'photos',
      '--target',
      '1e-3',
      '--thresholds',
      'vectors.semantic',
      '--edits',
      '10',
    );
    expect(result.sample).toMatchObject({ contents: 200, pairs: 19_900, copies: 0 });
    expect(proposalOf(result)).toMatchObject({ threshold: 0.6598, exceeding: 12 });
    expect(proposalOf(result)?.found).toBeGreaterThan(0.9);
  });

  it('sets nothing in a dataset that a configuration file rules, and says where to', async () => {
    const { code, stderr } = await system.command('calibrate', 'photos', '--apply');
    expect(code).toBe(2);
    expect(stderr).toContain('photos is defined in the troupe.yaml of a node');
  });
});
