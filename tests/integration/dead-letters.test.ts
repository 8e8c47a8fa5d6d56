// Dead letters retried and purged, and what two manifests differ in, on a real server and as a user does it.
import { copyFile, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { streamState } from '#nats';
import type { ExplainedItem } from '../../actors/keeper/keeper-messages.ts';
import type { ClientSystem } from '../../cli/node/client-system.ts';
import { type DeadLetter, DeadLetters, type LetterResult } from '../../cli/node/dead-letters.ts';
import { messageCodec } from '../../cli/node/message-codec.ts';
import { type TestPictures, testPictures } from '../support/images.ts';
import { TroupeSystem } from '../support/troupe-system.ts';

const SCENES = 12;

let pictures: TestPictures;
let folder: string;
let system: TroupeSystem;
let client: ClientSystem;

beforeAll(async () => {
  pictures = await testPictures(40);
  folder = await realpath(await mkdtemp(join(tmpdir(), 'troupe-dead-')));
  system = await TroupeSystem.up({
    config: { version: 1, files: { roots: [folder] }, datasets: { photos: {} } },
  });
  client = await system.connect();
  const scenes = pictures.of('scene').slice(0, SCENES);
  await system.waitSettled(await system.publish(scenes));
});

afterAll(async () => {
  await system?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
  await pictures?.[Symbol.asyncDispose]();
});

async function publish(
  data: Uint8Array | string,
  headers: Readonly<Record<string, string>>,
): Promise<number> {
  const subject = client.names.subjects.intake('photos');
  const { sequence } = await client.link.publisher.publish({ subject, data: Buffer.from(data), headers });
  await system.waitSettled(sequence);
  return sequence;
}

const reference = (path: string, more: object) =>
  publish(JSON.stringify({ uri: pathToFileURL(path).href, ...more }), { 'Content-Type': 'application/json' });

async function published(): Promise<number> {
  return (await streamState(client.link, client.names.streams.intake('photos'))).lastSequence;
}

async function list(...args: readonly string[]): Promise<readonly DeadLetter[]> {
  return JSON.parse((await system.command('dead', 'list', 'photos', ...args, '--json')).stdout);
}

async function run(...args: readonly string[]) {
  const { code, stdout } = await system.command('dead', ...args, '--json');
  const { results, absent } = JSON.parse(stdout) as {
    readonly results: readonly LetterResult[];
    readonly absent: readonly number[];
  };
  return { code, results, absent };
}

async function explain(sequence: number): Promise<ExplainedItem | undefined> {
  return (await client.keeper('photos').explain(String(sequence))).items[0];
}

async function letterOf(sequence: number): Promise<number> {
  const letter = (await list()).find((each) => each.sequence === sequence);
  if (letter === undefined) throw new Error(`sequence ${sequence} has no dead letter`);
  return letter.letter;
}

const corrupt = (id: string) =>
  publish('\u0089PNG\r\n\u001a\n no picture', { 'Troupe-Id': id, 'Content-Type': 'image/png' });

describe('troupe dead retry', () => {
  it('publishes the original message again: the item gets a verdict with everything its publisher gave', async () => {
    const path = join(folder, 'späte Datei.jpg');
    const given = { id: 'später/ß 犬.jpg', source: 'Müller & Söhne', metadata: { place: 'Köln' } };
    const died = await reference(path, { ...given, time: '2026-01-31T12:00:00Z' });
    expect(await explain(died)).toMatchObject({
      entry: { type: 'dead', reason: 'not_found' },
      resolution: null,
    });
    const { id, source } = given;
    expect(await list()).toMatchObject([{ sequence: died, id, source, uri: pathToFileURL(path).href }]);
    const [unique] = pictures.of('scene').slice(SCENES);
    await copyFile(unique?.path ?? '', path);

    const { code, results } = await run('retry', 'photos', '--all', '--reason', 'not_found');
    expect({ code, results }).toMatchObject({ code: 0, results: [{ sequence: died, result: 'retried' }] });
    const as = results[0]?.as ?? 0;
    await system.waitSettled(as);
    expect(await explain(as)).toMatchObject({
      entry: { type: 'judged', id: given.id },
      retryOf: died,
      payload: { ...given, time: '2026-01-31T12:00:00.000Z' },
    });
    expect(await explain(died)).toMatchObject({ resolution: { state: 'retried', as } });
    expect((await system.command('explain', 'photos', String(died))).stdout).toContain(`retried as ${as}`);
    expect(await list()).toEqual([]);
    expect(await system.audit()).toMatchObject({ balanced: true, verdicts: { dead: 0, retried: 1 } });
  });

  it('keeps the headers of inline bytes as they were, whatever they hold', async () => {
    const id = 'Übung/日本 "1" <b>.png';
    const died = await corrupt(id);
    const { results } = await run('retry', 'photos', String(await letterOf(died)));
    const as = results[0]?.as ?? 0;
    await system.waitSettled(as);
    expect(await explain(as)).toMatchObject({ entry: { type: 'dead', id } });
    const letter = await new DeadLetters({ system: client, dataset: 'photos' }).at(await letterOf(as));
    expect(letter?.header('Troupe-Id')).toBe(id);
    expect(letter?.header('Content-Type')).toBe('image/png');
  });

  it('retries with --all what was dead when it began, once, though it dies again', async () => {
    const before = await list();
    const { code, results } = await run('retry', 'photos', '--all');
    expect(code).toBe(0);
    expect(results.map(({ letter }) => letter)).toEqual(before.map(({ letter }) => letter));
    await system.waitSettled(await published());
    expect((await list()).map(({ sequence }) => sequence)).toEqual(results.map(({ as }) => as));
    expect(await system.audit()).toMatchObject({ balanced: true });
  });

  it('broken off between publishing and recording is finished by the next one, without a second copy', async () => {
    const died = await corrupt('broken off');
    const selection = { letters: [await letterOf(died)] };
    const keeper = client.keeper('photos');
    const broken = new DeadLetters({
      system: client,
      dataset: 'photos',
      keeper: {
        fates: (sequences) => keeper.fates(sequences),
        resolve: () => Promise.reject(new Error('the command was killed')),
      },
    });
    await expect(Array.fromAsync(broken.retry(selection))).rejects.toThrow('killed');
    const after = await published();
    expect(after).toBe(died + 1);
    await system.waitSettled(after);
    expect(await explain(died)).toMatchObject({ entry: { type: 'dead' }, resolution: null });
    expect(await system.audit()).toMatchObject({ balanced: true });

    const whole = new DeadLetters({ system: client, dataset: 'photos' });
    expect(await Array.fromAsync(whole.retry(selection))).toMatchObject([{ result: 'retried', as: after }]);
    expect(await published()).toBe(after);
    expect(await system.audit()).toMatchObject({ balanced: true });
  });

  it('broken off between recording and deleting the letter only deletes it', async () => {
    const died = await corrupt('recorded');
    const letter = await letterOf(died);
    await client.keeper('photos').resolve([{ state: 'retried', sequence: died, as: died + 1 }]);
    const before = await published();
    const { results } = await run('retry', 'photos', String(letter));
    expect(results).toEqual([{ letter, sequence: died, result: 'retried', as: died + 1 }]);
    expect(await published()).toBe(before);
    expect((await list()).map((each) => each.letter)).not.toContain(letter);
  });

  it('of a letter from a later stage publishes the same item again, from what is stored', async () => {
    const [scene] = pictures.of('scene');
    const known = (await client.keeper('photos').explain(scene?.id ?? '')).items[0]?.entry;
    if (known?.type !== 'judged') throw new Error('the scene was not judged');
    const died = await corrupt('a stand-in for one that dies at embed');
    const original = await new DeadLetters({ system: client, dataset: 'photos' }).at(await letterOf(died));
    await client.link.publisher.publish({
      subject: client.names.subjects.dead('photos', 'embed'),
      data: messageCodec.encode({ sequence: died, item: known.item }),
      headers: { ...original?.headers(), 'Troupe-Stage': 'embed' },
      id: `later-stage.${died}`,
    });
    const letters = (await list()).filter((each) => each.sequence === died && each.stage === 'embed');
    const { results } = await run('retry', 'photos', String(letters[0]?.letter));
    const as = results[0]?.as ?? 0;
    await system.waitSettled(as);
    expect(await explain(as)).toMatchObject({ entry: { item: known.item }, repeatOf: known.sequence });
  });

  it('says which letters are not there, with exit code 1', async () => {
    expect(await run('retry', 'photos', '999999')).toEqual({ code: 1, results: [], absent: [999999] });
  });

  it.each([[['retry', 'photos']], [['retry', 'photos', '1', '--all']], [['retry', 'photos', 'x']]])(
    'refuses a selection that is none or two: %j',
    async (args) => {
      expect((await system.command('dead', ...args)).code).toBe(2);
    },
  );
});

describe('troupe dead purge', () => {
  it('deletes the letters and records by whom; doing it again changes nothing', async () => {
    const died = await corrupt('unwanted');
    const letter = await letterOf(died);
    const { code, results } = await run('purge', 'photos', String(letter), '--by', 'Ada <ada@example.org>');
    expect({ code, results }).toEqual({ code: 0, results: [{ letter, sequence: died, result: 'purged' }] });
    expect(await explain(died)).toMatchObject({
      resolution: { state: 'purged', by: 'Ada <ada@example.org>' },
    });
    expect((await system.command('explain', 'photos', String(died))).stdout).toContain('purged by Ada');
    expect((await system.command('dead', 'show', 'photos', String(letter))).code).toBe(1);
    expect(await run('purge', 'photos', String(letter), '--by', 'bob')).toMatchObject({
      code: 1,
      absent: [letter],
    });
    expect(await explain(died)).toMatchObject({ resolution: { by: 'Ada <ada@example.org>' } });
  });

  it('of all leaves none, and every sequence accounted for, also after a restart', async () => {
    await corrupt('one more');
    expect((await run('purge', 'photos', '--all', '--by', 'ada')).code).toBe(0);
    expect(await list()).toEqual([]);
    const before = await system.audit();
    expect(before).toMatchObject({ balanced: true, verdicts: { dead: 0 } });
    await system.kill();
    await system.start();
    await system.waitSettled(before.published);
    expect(await system.audit()).toEqual(before);
    expect((await system.command('status', '--json')).stdout).toContain(`"purged":${before.verdicts.purged}`);
  });

  it('needs a name', async () => {
    expect((await system.command('dead', 'purge', 'photos', '--all')).code).toBe(2);
    expect((await system.command('dead', 'purge', 'photos', '--all', '--by', ' ')).code).toBe(2);
  });
});

describe('troupe manifest diff', () => {
  it('after a rule was changed lists exactly the items that changed, with the name of the rule', async () => {
    await system.cut();
    const first = await system.manifestRows();
    const config = { version: 1, files: { roots: [folder] } };
    const { entries } = await client.keeper('photos').items(first.map(({ item }) => item));
    const widths = entries.map(({ facts }) => Number(facts?.signals.width)).sort((a, b) => a - b);
    const limit = widths[Math.floor(widths.length / 2)] ?? 0;
    const rule = { name: 'too-narrow', when: `signals.width < ${limit + 1}` };
    await system.stop();
    await writeFile(
      join(system.folder, 'troupe.yaml'),
      JSON.stringify({ ...config, datasets: { photos: { rules: { reject: [rule] } } } }),
    );
    await system.start();
    client = await system.connect();
    await system.cut();
    const second = new Map((await system.manifestRows()).map((row) => [row.item, row]));
    const changed = first.filter((row) => JSON.stringify(second.get(row.item)) !== JSON.stringify(row));
    expect(changed.length).toBeGreaterThan(0);
    expect(changed.length).toBeLessThan(first.length);

    const { code, stdout } = await system.command('manifest', 'diff', 'photos', '--json');
    const diff = JSON.parse(stdout) as { readonly changes: readonly { readonly item: string }[] };
    expect(code).toBe(1);
    expect(diff.changes.map(({ item }) => item)).toEqual(changed.map(({ item }) => item));
    expect(diff).toMatchObject({
      equal: false,
      counts: { added: 0, removed: 0, changed: changed.length },
      reasons: { 'rule.too-narrow': { added: changed.length, removed: 0 } },
      settings: expect.arrayContaining([
        { path: 'rules.reject.too-narrow', after: expect.objectContaining(rule) },
      ]),
    });
    const people = (await system.command('manifest', 'diff', 'photos', '1', '2', '--limit', '1')).stdout;
    expect(people).toContain(`reason rule.too-narrow: new in ${changed.length}`);
    expect(people).toContain('kept -> rejected');
    const lines = (await system.command('manifest', 'diff', 'photos', 'HEAD~1', 'HEAD', '--jsonl')).stdout;
    expect(lines.trim().split('\n')).toHaveLength(changed.length);
  });

  it('of a manifest with itself is equal, with exit code 0', async () => {
    const { code, stdout } = await system.command('manifest', 'diff', 'photos', '2', 'HEAD', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ equal: true, changes: [] });
  });

  it.each([
    [['HEAD~9'], 1],
    [['1', '99'], 1],
    [['newest'], 2],
  ])('names what is there when it cannot find a manifest: %j', async (args, code) => {
    const answer = await system.command('manifest', 'diff', 'photos', ...args);
    expect(answer.code).toBe(code);
  });
});
