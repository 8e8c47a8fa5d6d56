// Erasure on a running system: what is erased while items keep coming is nowhere any more, and what is left equals a
// fresh run without it.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blobKeys, sha256Hex } from '#actors';
import { NatsUploads, SharedCache } from '#nats';
import type { EraseAnswer } from '../../actors/keeper/erase-request.ts';
import type { CorpusItem } from '../../cli/corpus/index.ts';
import type { ClientSystem } from '../../cli/node/client-system.ts';
import { chosenRows, tracesOf } from '../support/erasure-case.ts';
import { type TestPictures, testPictures } from '../support/images.ts';
import { leftOver } from '../support/left-over.ts';
import { TroupeSystem } from '../support/troupe-system.ts';

const COUNT = 120;
/** Of tests that run two systems of their own. */
const LONG_MS = 240_000;

let pictures: TestPictures;
let system: TroupeSystem;
let calm: TroupeSystem;
let client: ClientSystem;

beforeAll(async () => {
  pictures = await testPictures(COUNT);
  [system, calm] = await Promise.all([TroupeSystem.up({}), TroupeSystem.up({})]);
  client = await system.connect();
});

afterAll(async () => {
  await system?.[Symbol.asyncDispose]();
  await calm?.[Symbol.asyncDispose]();
  await pictures?.[Symbol.asyncDispose]();
});

async function erase(...args: readonly string[]) {
  const { code, stdout, stderr } = await system.command('erase', 'photos', ...args, '--json');
  return { code, stderr, ...(JSON.parse(stdout) as EraseAnswer & { readonly unknown: readonly string[] }) };
}

/** A running system with the dataset `art`, which may be changed. */
async function created(...settings: readonly string[]): Promise<TroupeSystem> {
  const made = await TroupeSystem.up({ dataset: 'art' });
  const { code, stderr } = await made.command('dataset', 'create', 'art', ...settings);
  if (code !== 0) throw new Error(stderr);
  return made;
}

const explain = async (id: string) => (await system.command('explain', 'photos', id)).stdout;

describe('troupe erase', () => {
  it('while items come leaves what a fresh run without the erased gives, and nothing of them anywhere', async () => {
    const { items } = pictures;
    const half = items.length / 2;
    // Somebody has asked for vectors of all of them by another model, too.
    const cache = new SharedCache(client.link, client.names.records.cache);
    for (const { path } of items) {
      await cache.put(`image@1/other/model/f32/1/${sha256Hex(await readFile(path))}`, new Uint8Array(4));
    }
    await system.waitSettled(await system.publish(items.slice(0, half)));
    const before = await system.cut();
    const rows = await system.manifestRows();
    const gone = chosenRows(rows);
    const ids = gone.map(({ id }) => id);
    const { entries } = await client.keeper('photos').items(rows.map(({ item }) => item));
    const dry = await erase(...ids, '--dry-run');
    expect(dry.results.map(({ items: named }) => named[0]?.outcome)).toEqual(
      gone.map(({ outcome }) => outcome),
    );
    expect(await system.audit()).toMatchObject({ verdicts: { erased: 0 } });

    const [rest, erased] = await Promise.all([
      system.publish(items.slice(half)),
      erase(...ids, '--reason', 'the owner asked'),
    ]);
    expect(erased, erased.stderr).toMatchObject({ code: 0, unknown: [] });
    await system.waitSettled(rest);
    const after = await system.cut();
    expect(after.manifest.number).toBe(before.manifest.number + 1);
    await calm.waitSettled(await calm.publish(items.filter(({ id }) => !ids.includes(id))));
    expect(after.manifest.digest).toBe(await calm.manifestDigest());
    expect(await system.audit()).toMatchObject({ balanced: true, verdicts: { erased: ids.length } });

    const traces = await tracesOf(pictures, ids, entries);
    expect(traces.digests.length).toBeGreaterThan(2);
    expect(traces.hashes.length).toBeGreaterThan(0);
    expect(await leftOver(client, 'photos', traces)).toEqual([]);
    const { groups: shared } = await cache.standing();
    expect([...shared.values()].every((entries) => entries > 0)).toBe(true);
    expect(shared.size).toBe(2);
    const kept = await tracesOf(
      pictures,
      [rows.find(({ id, outcome }) => outcome === 'kept' && !ids.includes(id))?.id ?? ''],
      entries,
    );
    expect(await leftOver(client, 'photos', kept)).not.toEqual([]);

    expect(await explain(ids[0] ?? '')).toMatch(/erased on 20.*because: the owner asked/);
    const member = rows.find(({ survivor }) => survivor === gone[0]?.item);
    const story = await explain(member?.id ?? '');
    expect(story).toContain(`best copy ${ids[0]} was erased on 20`);
    expect(story).toMatch(/is kept since/);
  });

  it('says the same of what is erased already, and "no" of what nothing is known by', async () => {
    const [row] = await system.manifestRows();
    const first = await erase(row?.id ?? '');
    expect(first).toMatchObject({ code: 0 });
    const again = await erase(row?.id ?? '', 'nobody knows this');
    expect(again).toMatchObject({ code: 1, unknown: ['nobody knows this'] });
    expect(again.results[0]?.items[0]).toMatchObject({ before: { reason: null } });
  });
});

describe('an erased item', () => {
  it('that is published again stays erased and leaves nothing, while its content under another id lives', async () => {
    const kept = new Set((await system.manifestRows()).map(({ id }) => id));
    const scene = pictures.of('scene').find(({ id }) => kept.has(id));
    if (scene === undefined) throw new Error('there is no scene');
    const rows = await system.manifestRows();
    const { entries } = await client.keeper('photos').items(rows.map(({ item }) => item));
    const erasedBefore = (await system.verdicts()).erased;
    const payload = (await client.keeper('photos').explain(scene.id)).items[0]?.payload;
    const [once] = (await erase(scene.id, '--reason', 'asked')).results;
    expect(once?.items).toHaveLength(1);
    // The same item, in a message that the intake does not know.
    const { sequence } = await client.link.publisher.publish({
      subject: client.names.subjects.intake('photos'),
      data: await readFile(scene.path),
      headers: {
        'Troupe-Id': scene.id,
        'Troupe-Source': payload?.source ?? '',
        ...(payload?.time != null && { 'Troupe-Time': payload.time }),
      },
    });
    await system.waitSettled(sequence);
    await system.waitFor(async () => (await client.keeper('photos').erasing()).pending === 0, {
      deadlineMs: 60_000,
      what: 'what came again is deleted again',
    });
    expect(once?.items[0]?.before).toBeNull();
    const erasedNow = erasedBefore + 2;
    expect(await system.audit()).toMatchObject({ balanced: true, verdicts: { erased: erasedNow } });
    const holders = [scene.id];
    expect(await leftOver(client, 'photos', await tracesOf(pictures, holders, entries))).toEqual([]);

    const renamed = { ...scene, id: 'under another name' };
    await system.waitSettled(await system.publish([renamed]));
    await system.cut();
    const row = (await system.manifestRows()).find(({ id }) => id === renamed.id);
    expect(row?.outcome).toMatch(/kept|duplicate/);
    expect((await erase(scene.id)).results[0]?.items[0]?.before).toMatchObject({ reason: 'asked' });
    expect(await client.blobs('photos').get(blobKeys.content(row?.content ?? ''))).toBeDefined();
  });

  it('that had died goes with its dead letter; one that was uploaded goes with its upload', async () => {
    const bytes = Buffer.from('\u0089PNG\r\n\u001a\n no picture, but somebody’s');
    const uploads = new NatsUploads(client.link, client.names.objects.uploads);
    const [scene] = pictures.of('scene').slice(-1);
    const uri = await uploads.put('photos/uploaded', await readFile(scene?.path ?? ''));
    const subject = client.names.subjects.intake('photos');
    await client.link.publisher.publish({ subject, data: bytes, headers: { 'Troupe-Id': 'broken' } });
    const { sequence } = await client.link.publisher.publish({
      subject,
      data: Buffer.from(JSON.stringify({ uri, id: 'uploaded' })),
      headers: { 'Content-Type': 'application/json' },
    });
    await system.waitSettled(sequence);
    expect((await system.command('dead', 'list', 'photos')).stdout).toContain('broken');
    const { code, results } = await erase('broken', 'uploaded');
    expect(code).toBe(0);
    expect(results.map(({ items }) => items[0]?.item === null)).toEqual([true, false]);
    expect((await system.command('dead', 'list', 'photos')).stdout).not.toContain('broken');
    await expect(uploads.read(uri, 2 ** 24)).rejects.toThrow('no such upload');
    expect(await explain('broken')).toMatch(/erased on 20.*no reason given/);
    expect(await leftOver(client, 'photos', { digests: [], hashes: [], contents: [bytes] })).toEqual([]);
    expect(await system.audit()).toMatchObject({ balanced: true });
  });

  it('is told by older manifests: verify says that it is gone, and an export marks it', async () => {
    const { code, stdout } = await system.command('manifest', 'verify', 'photos', '--number', '1');
    expect(code, stdout).toBe(0);
    expect(stdout).toMatch(/items were erased since/);
    const exported = await system.command('manifest', 'export', 'photos', '--number', '1', '--all');
    const lines = exported.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { erased?: boolean });
    expect(lines.filter(({ erased }) => erased === true).length).toBeGreaterThanOrEqual(5);
    await system.cut();
    expect((await system.command('manifest', 'verify', 'photos')).stdout).not.toContain('erased since');
    expect((await system.command('manifest', 'show', 'photos')).stdout).toMatch(/, \d+ erased/);
    expect((await system.command('report', 'photos', '-o', 'report.html')).code).toBe(0);
  });
});

describe('an erasure while contents are compared anew', () => {
  it('ends as a fresh run under the new setting without the erased, and leaves nothing in either index', {
    timeout: LONG_MS,
  }, async () => {
    const setting = 'dedup.phashRadius=4';
    await using changing = await created('shards=4');
    await using fresh = await created('shards=3', setting);
    await changing.waitSettled(await changing.publish(pictures.items));
    await changing.cut();
    const rows = await changing.manifestRows();
    const gone = chosenRows(rows).map(({ id }) => id);
    const keeper = (await changing.connect()).keeper('art');
    const { entries } = await keeper.items(rows.map(({ item }) => item));
    const [set, erased] = await Promise.all([
      changing.command('dataset', 'set', 'art', setting, '--wait'),
      changing.command('erase', 'art', ...gone),
    ]);
    expect([set.code, erased.code], set.stderr + erased.stderr).toEqual([0, 0]);
    const resized = await changing.command('shards', 'resize', 'art', '3', '--wait');
    expect(resized).toMatchObject({ code: 0 });
    const second = rows.find(({ id, outcome }) => outcome === 'kept' && !gone.includes(id))?.id ?? '';
    expect(await changing.command('erase', 'art', second)).toMatchObject({ code: 0 });
    const without = [...gone, second];
    await fresh.waitSettled(await fresh.publish(pictures.items.filter(({ id }) => !without.includes(id))));
    expect(await changing.manifestDigest()).toBe(await fresh.manifestDigest());
    expect(await changing.audit()).toMatchObject({ balanced: true });
    const traces = await tracesOf(pictures, without, entries);
    expect(await leftOver(await changing.connect(), 'art', traces)).toEqual([]);
  });
});

describe('an item with the bytes of one that is being erased', () => {
  it('keeps all that it needs, whenever it comes: the dataset is as if only the erased had never been', {
    timeout: LONG_MS,
  }, async () => {
    await using busy = await TroupeSystem.up({});
    await using fresh = await TroupeSystem.up({});
    const [scene] = pictures.of('scene');
    if (scene === undefined) throw new Error('there are no scenes');
    const bytes = await readFile(scene.path);
    const others: CorpusItem[] = [];
    for (const item of pictures.items) if (!bytes.equals(await readFile(item.path))) others.push(item);
    const twins = Array.from({ length: 30 }, (_, at) => ({ ...scene, id: `twin ${at}` }));
    const erased: string[] = [];
    await busy.waitSettled(await busy.publish([...others.slice(0, 30), ...twins.slice(0, 1)]));
    const keeper = (await busy.connect()).keeper('photos');
    const contents = (await busy.connect()).blobs('photos');
    const key = blobKeys.content(createHash('sha256').update(bytes).digest('hex'));
    // The only twin that is known is erased, and the next one comes while it is: the content loses its last item.
    for (let at = 1; at < twins.length; at += 1) {
      const { results } = await keeper.erase({ keys: [`twin ${at - 1}`], reason: null, dryRun: false });
      erased.push(...results.flatMap(({ items }) => items.flatMap(({ id }) => id ?? [])));
      await busy.waitSettled(await busy.publish(twins.slice(at, at + 1)));
      await busy.waitFor(async () => (await keeper.erasing()).pending === 0, {
        deadlineMs: 60_000,
        what: 'all that was erased is deleted',
      });
      expect(await contents.has(key), `content of twin ${at}`).toBe(true);
    }
    await busy.waitSettled(await busy.publish(others.slice(30)));
    const gone = new Set(erased);
    expect(gone.size).toBeGreaterThan(20);
    const left = [...others, ...twins].filter(({ id }) => !gone.has(id));
    await fresh.waitSettled(await fresh.publish(left));
    expect(await busy.manifestDigest()).toBe(await fresh.manifestDigest());
    expect((await busy.audit()).verdicts.dead).toBe(pictures.of('corrupt').length);
    expect(Buffer.from((await contents.get(key)) ?? []).equals(bytes)).toBe(true);
  });
});
