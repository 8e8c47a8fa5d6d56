// The command line as a user types it: one system in one shell, every other command in another. The tests follow a
// day with it in order, and each asserts what the command prints and with which code it ends.
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PICTURES_CONFIG, type TestPictures, testPictures } from '../support/images.ts';
import { TroupeProcess } from '../support/troupe-process.ts';
import { type CommandRun, TroupeSystem } from '../support/troupe-system.ts';

const COUNT = 60;

let pictures: TestPictures;
let system: TroupeSystem;

beforeAll(async () => {
  pictures = await testPictures(COUNT);
  system = await TroupeSystem.up({ config: PICTURES_CONFIG });
});

afterAll(async () => {
  await system?.[Symbol.asyncDispose]();
  await pictures?.[Symbol.asyncDispose]();
});

/** Runs a command that must end well, and gives what it printed. */
async function good(...args: readonly string[]): Promise<string> {
  const run = await system.command(...args);
  expect(run, `troupe ${args.join(' ')}`).toMatchObject({ code: 0 });
  return run.stdout;
}

/** Runs a command with --json that must end well, and gives the one value that it printed. */
async function json<T>(...args: readonly string[]): Promise<T> {
  return JSON.parse(await good(...args, '--json')) as T;
}

/** The code of a failed command's error, as --json gives it on standard error. */
function errorOf(run: CommandRun): string {
  return (JSON.parse(run.stderr) as { readonly error: string }).error;
}

const alive = () => pictures.items.filter(({ truth }) => truth !== 'corrupt').length;

describe('troupe up', () => {
  it('prints where any client finds it: address, token, version, datasets', async () => {
    const { url, token } = await system.address();
    expect(JSON.parse(system.output)).toMatchObject({
      url,
      token,
      natsServer: system.serverVersion,
      datasets: ['photos'],
    });
  });

  it('leaves its credentials readable by their owner only', async () => {
    expect((await stat(join(system.dataDir, 'server.json'))).mode & 0o077).toBe(0);
  });

  it('is refused a second time in the same folder, and the first goes on', async () => {
    const second = await system.command('up', '--json');
    expect(second.code).toBe(2);
    expect(second.stderr.trim().split('\n').at(-1)).toContain('data_folder_busy');
    expect(system.isUp).toBe(true);
    await good('status');
  });
});

describe('troupe publish', () => {
  it('takes a folder, names items by their paths below it, and waits until all have a verdict', async () => {
    const published = await json<{ readonly published: number; readonly verdicts: Record<string, number> }>(
      'publish',
      'photos',
      pictures.folder,
      '--wait',
    );
    expect(published).toMatchObject({ published: COUNT });
    const { eligible = 0, rejected = 0, review = 0, dead = 0, repeats = 0 } = published.verdicts;
    expect(eligible + rejected + review + dead).toBe(COUNT);
    expect(repeats).toBe(0);
    expect(dead).toBe(pictures.of('corrupt').length);
  });

  it('takes a list from files, globs and a source, and says what is not there', async () => {
    const glob = await json<{ readonly published: number }>(
      'publish',
      'photos',
      join(pictures.folder, 'scanner', '*.png'),
      '--source',
      'second-scanner',
      '--wait',
    );
    expect(glob.published).toBe(pictures.of('flat').length);
    const absent = await system.command('publish', 'photos', 'nothing-here', '--json');
    expect(absent.code).toBe(2);
    expect(errorOf(absent)).toBe('usage');
  });
});

describe('troupe manifest', () => {
  let digest = '';

  it('has none to show before the first cut', async () => {
    const shown = await system.command('manifest', 'show', 'photos', '--json');
    expect(shown.code).toBe(1);
    expect(errorOf(shown)).toBe('unknown_manifest');
  });

  it('cuts a version, and the same one again when nothing changed', async () => {
    const cut = await json<{ readonly number: number; readonly digest: string; readonly unchanged: boolean }>(
      'manifest',
      'cut',
      'photos',
      '--wait',
    );
    expect(cut).toMatchObject({
      number: 1,
      unchanged: false,
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(await json('manifest', 'cut', 'photos')).toMatchObject({ ...cut, unchanged: true });
    digest = cut.digest;
    expect(await good('manifest', 'cut', 'photos')).toContain(`digest ${digest}`);
  });

  it('lists and shows it', async () => {
    expect(await json('manifest', 'list', 'photos')).toMatchObject({
      head: 1,
      manifests: [{ number: 1, digest }],
    });
    expect(await good('manifest', 'list', 'photos')).toContain('HEAD 1');
    const shown = await json<{ readonly counts: Record<string, number> }>('manifest', 'show', 'photos');
    expect(shown).toMatchObject({ number: 1, digest, outside: { dead: pictures.of('corrupt').length } });
    const rows = (await good('manifest', 'show', 'photos', '--rows')).trim().split('\n');
    expect(rows).toHaveLength(alive() + pictures.of('flat').length);
    expect(rows.map((row) => (JSON.parse(row) as { outcome: string }).outcome)).toContain('kept');
    expect(Object.values(shown.counts).reduce((sum, count) => sum + count, 0)).toBe(rows.length);
  });

  it('exports what is kept as JSON lines', async () => {
    const { counts } = await json<{ readonly counts: { readonly kept: number } }>(
      'manifest',
      'show',
      'photos',
    );
    const lines = (await good('manifest', 'export', 'photos')).trim().split('\n');
    expect(lines).toHaveLength(counts.kept);
    const parsed = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(parsed.every(({ outcome, mediaType }) => outcome === 'kept' && mediaType !== null)).toBe(true);
    const file = join(system.folder, 'kept.jsonl');
    expect(await json('manifest', 'export', 'photos', '--out', file)).toMatchObject({ items: counts.kept });
    expect((await readFile(file, 'utf8')).trim().split('\n').sort()).toEqual([...lines].sort());
  });

  it('exports what is kept as a folder of the files as they were published', async () => {
    const { counts } = await json<{ readonly counts: { readonly kept: number } }>(
      'manifest',
      'show',
      'photos',
    );
    const folder = join(system.folder, 'clean');
    await good('manifest', 'export', 'photos', '--format', 'folder', '--out', folder);
    const files = await readdir(folder, { recursive: true, withFileTypes: true });
    const written = files.filter((entry) => entry.isFile());
    expect(written).toHaveLength(counts.kept);
    for (const { parentPath, name } of written.slice(0, 5)) {
      const path = join(parentPath, name);
      expect(await readFile(path)).toEqual(await readFile(path.replace(folder, pictures.folder)));
    }
  });

  it('verifies it from the stored rows and from the ledger', async () => {
    expect(await json('manifest', 'verify', 'photos')).toMatchObject({ ok: true, digest, derived: digest });
    expect(await json('manifest', 'verify', 'photos', '--stored-only')).toMatchObject({
      ok: true,
      derived: null,
    });
  });
});

describe('troupe status, explain, audit and dead', () => {
  it('shows the tree and the queues in the words of the nats CLI', async () => {
    const text = await good('status');
    for (const word of [
      'Unprocessed',
      'Ack Pending',
      'Redelivered',
      '└─ keeper',
      'model troupe-tiny',
      'HEAD is manifest 1',
    ]) {
      expect(text).toContain(word);
    }
    expect(await json('status')).toMatchObject({
      system: 'troupe',
      server: { version: system.serverVersion },
      datasets: [{ name: 'photos', head: { number: 1 } }],
      problems: [],
    });
  });

  it('explains an item by id, with its survivor', async () => {
    const copy = pictures.of('exact')[0];
    const [item] = (
      await json<{ readonly items: { readonly survivorId: string | null }[] }>(
        'explain',
        'photos',
        copy?.id ?? '',
      )
    ).items;
    expect([copy?.id, copy?.of]).toContain(item?.survivorId ?? copy?.id);
    const duplicate = item?.survivorId == null ? (copy?.of ?? '') : (copy?.id ?? '');
    expect(await good('explain', 'photos', duplicate)).toMatch(/manifest 1: duplicate, .*duplicate of/);
    const unknown = await system.command('explain', 'photos', 'nobody', '--json');
    expect(unknown.code).toBe(1);
    expect(errorOf(unknown)).toBe('unknown_item');
  });

  it('balances the account', async () => {
    expect(await good('audit', 'photos')).toContain('audit balanced');
    expect(await json('audit', 'photos')).toMatchObject({
      balanced: true,
      published: COUNT + pictures.of('flat').length,
      missing: [],
    });
  });

  it('lists dead letters with their reasons and gives the original bytes back', async () => {
    const letters = await json<{ readonly letter: number; readonly reason: string; readonly id: string }[]>(
      'dead',
      'list',
      'photos',
    );
    expect(letters.map(({ id }) => id).sort()).toEqual(pictures.of('corrupt').map(({ id }) => id));
    const [first] = letters;
    expect(await good('dead', 'list', 'photos')).toContain(first?.reason);
    const out = join(system.folder, 'original.bin');
    const shown = await json('dead', 'show', 'photos', String(first?.letter), '--out', out);
    expect(shown).toMatchObject({ id: first?.id, reason: first?.reason });
    expect(await readFile(out)).toEqual(await readFile(join(pictures.folder, first?.id ?? '')));
    expect((await system.command('dead', 'show', 'photos', '999')).code).toBe(1);
  });
});

describe('troupe dataset', () => {
  it('creates a dataset that takes items at once', async () => {
    expect(await json('dataset', 'create', 'cats', 'rules.keepAt=0', 'rules.rejectBelow=0')).toMatchObject({
      dataset: 'cats',
      running: true,
      config: { rules: { keepAt: 0 } },
    });
    const scene = pictures.of('scene')[0]?.path ?? '';
    expect(await json('publish', 'cats', scene, '--wait')).toMatchObject({ verdicts: { eligible: 1 } });
    expect(await json('audit', 'cats')).toMatchObject({ balanced: true, published: 1 });
  });

  it('lists and shows it, and refuses its name a second time', async () => {
    const listed = await json<{ readonly name: string; readonly origin: string }[]>('dataset', 'list');
    expect(listed.map(({ name, origin }) => [name, origin])).toEqual([
      ['cats', 'command'],
      ['photos', 'file'],
    ]);
    expect(await json('dataset', 'show', 'cats')).toMatchObject({ config: { kind: 'image', shards: 4 } });
    expect((await system.command('dataset', 'create', 'cats')).code).toBe(2);
    expect((await system.command('dataset', 'create', 'No Such Name')).code).toBe(2);
  });

  it('changes it, and the next cut judges by that', async () => {
    expect(await json('manifest', 'cut', 'cats')).toMatchObject({ counts: { kept: 1, review: 0 } });
    await good('dataset', 'set', 'cats', 'rules.keepAt=1');
    expect(await json('manifest', 'cut', 'cats')).toMatchObject({
      number: 2,
      counts: { kept: 0, review: 1 },
    });
    const wrong = await system.command('dataset', 'set', 'cats', 'rules.keepAt=7', '--json');
    expect(wrong.code).toBe(2);
    expect(errorOf(wrong)).toBe('config_invalid');
    expect((await system.command('dataset', 'set', 'photos', 'rules.keepAt=1')).code).toBe(2);
  });

  it('changes what pictures are found by while it runs, and waits until that is in force where it is told to', async () => {
    const changed = await json('dataset', 'set', 'cats', 'shards=9', 'dedup.phashRadius=4', '--wait');
    expect(changed).toMatchObject({
      replays: true,
      replay: { generation: 2, next: null, pending: 0, failed: 0 },
    });
    expect(await json('shards', 'resize', 'cats', '2', '--wait')).toMatchObject({
      replay: { generation: 3 },
    });
    expect(await json('shards', 'resize', 'cats', '2')).toMatchObject({ replays: false });
    expect(await json('dataset', 'show', 'cats')).toMatchObject({ config: { shards: 2 } });
    expect(await json('manifest', 'cut', 'cats')).toMatchObject({ number: 3, counts: { review: 1 } });
    expect((await system.command('shards', 'resize', 'cats', '0')).code).toBe(2);
    expect((await system.command('shards', 'resize', 'photos', '8')).code).toBe(2);
  });

  it('deletes it only when told so twice, and then nothing is accepted for it', async () => {
    expect((await system.command('dataset', 'delete', 'cats')).code).toBe(2);
    expect(await json('dataset', 'delete', 'cats', '--yes')).toMatchObject({ deleted: true });
    const late = await system.command('publish', 'cats', pictures.items[0]?.path ?? '', '--json');
    expect(late.code).toBe(2);
    expect(errorOf(late)).toBe('unknown_dataset');
    expect(await json('status')).toMatchObject({ datasets: [{ name: 'photos' }], problems: [] });
  });

  it('creates it anew under the same name with nothing left of the old one', async () => {
    await good('dataset', 'create', 'cats');
    expect(await json('manifest', 'list', 'cats')).toMatchObject({ head: null, manifests: [] });
    const scene = pictures.of('scene')[1]?.path ?? '';
    expect(await json('publish', 'cats', scene, '--wait')).toMatchObject({ verdicts: { repeats: 0 } });
    expect(await json('manifest', 'cut', 'cats')).toMatchObject({ number: 1, rows: 1 });
    await good('dataset', 'delete', 'cats', '--yes');
  });
});

describe('commands that need no system', () => {
  it('hash: sha256, pHash and dHash, and the code 1 for what is no picture', async () => {
    const scene = pictures.of('scene')[0]?.path ?? '';
    const [hashed] = await json<Record<string, string>[]>('hash', scene);
    expect(hashed).toMatchObject({
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      phash: expect.stringMatching(/^[0-9a-f]{16}$/),
      dhash: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
    expect(await good('hash', scene)).toContain(`${hashed?.sha256}  ${hashed?.phash}  ${hashed?.dhash}`);
    const absent = await system.command('hash', scene, 'no-such-file', '--json');
    expect(absent.code).toBe(1);
    expect(JSON.parse(absent.stdout)).toMatchObject([
      { phash: hashed?.phash },
      { error: expect.any(String) },
    ]);
  });

  it('config: the example is valid, the schema is JSON, and every problem is told with its place', async () => {
    const folder = join(system.folder, 'elsewhere');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'example.yaml'), await good('config', 'example'));
    await good('config', 'check', '--config', join(folder, 'example.yaml'));
    expect(JSON.parse(await good('config', 'schema'))).toMatchObject({ type: 'object' });
    await writeFile(
      join(folder, 'wrong.yaml'),
      'version: 1\ndatasets:\n  photos:\n    shards: 0\n    modle: x\n',
    );
    const wrong = await system.command('config', 'check', '--config', join(folder, 'wrong.yaml'));
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toMatch(/wrong\.yaml:4:13 datasets\.photos\.shards/);
    expect(wrong.stderr).toMatch(/wrong\.yaml:5:5 datasets\.photos\.modle/);
  });
});

describe('exit codes', () => {
  it.each([
    ['publish', 'nobody', '.'],
    ['manifest', 'cut', 'nobody'],
    ['manifest', 'list', 'nobody'],
    ['explain', 'nobody', 'x'],
    ['audit', 'nobody'],
    ['dead', 'list', 'nobody'],
    ['dataset', 'show', 'nobody'],
  ])('2 for a dataset that nobody knows: %s %s', async (...args) => {
    const run = await system.command(...args, '--json');
    expect(run.code).toBe(2);
    expect(errorOf(run)).toBe('unknown_dataset');
  });

  it.each([
    [['nonsense']],
    [['audit']],
    [['status', '--nonsense']],
    [['manifest', 'show', 'photos', '--number', 'x']],
  ])('2 for a wrong command line: %j', async (args) => {
    expect(await system.command(...args)).toMatchObject({ code: 2, stdout: '' });
  });

  it('2 for a folder without files and for an output that cannot be written, which names both', async () => {
    const empty = join(system.folder, 'empty');
    await mkdir(empty);
    await writeFile(join(empty, '.hidden'), 'x');
    const published = await system.command('publish', 'photos', empty, '--json');
    expect(published).toMatchObject({ code: 2, stdout: '' });
    expect(errorOf(published)).toBe('usage');
    expect(published.stderr).toContain('expected a folder with files');
    for (const args of [
      ['manifest', 'export', 'photos', '-o', empty],
      ['report', 'photos', '-o', empty],
      ['report', 'photos', '-o', join(empty, 'nowhere', 'report.html')],
    ]) {
      const run = await system.command(...args, '--json');
      expect(run, args.join(' ')).toMatchObject({ code: 2 });
      expect(errorOf({ ...run, stderr: run.stderr.trim().split('\n').at(-1) ?? '' })).toBe('file_unusable');
      expect(run.stderr).toContain(empty);
    }
  });

  it('3 where the server that is named holds no system of this name', async () => {
    await writeFile(join(system.folder, 'other.yaml'), 'system: other\n');
    for (const command of [
      ['status'],
      ['dataset', 'list'],
      ['shards', 'list'],
      ['cache', 'stats'],
      ['cache', 'clear', '--yes'],
    ]) {
      const run = await system.command(...command, '--config', 'other.yaml', '--json');
      expect(run, command.join(' ')).toMatchObject({ code: 3, stdout: '' });
      expect(errorOf(run)).toBe('no_running_system');
    }
  });

  it('1 for Ctrl-C while a cut waits, and the audit log tells it', async () => {
    // What is held against a dataset that does not exist waits for it.
    await good('dataset', 'create', 'waits', 'dedup.against=["nobody"]');
    await good('publish', 'waits', pictures.folder);
    const cut = new TroupeProcess({
      args: ['manifest', 'cut', 'waits', '--wait', '--json'],
      cwd: system.folder,
      env: system.env,
    });
    await system.waitFor(() => cut.stderr.includes('settled '), {
      deadlineMs: 60_000,
      what: 'the cut waits',
    });
    cut.signal('SIGINT');
    expect(await cut.ended).toEqual({ code: 1, signal: null });
    expect(errorOf({ code: 1, stdout: '', stderr: cut.stderr.trim().split('\n').at(-1) ?? '' })).toBe(
      'interrupted',
    );
    const log = await json<readonly { readonly result: string; readonly exitCode: number }[]>(
      'audit-log',
      '--limit',
      '1',
    );
    expect(log).toMatchObject([{ command: 'manifest cut', result: 'failed', exitCode: 1 }]);
    await good('dataset', 'delete', 'waits', '--yes');
  });

  it('3 where no system runs, and where the named server does not answer', async () => {
    await using none = await TroupeSystem.create();
    const status = await none.command('status', '--json');
    expect(status.code).toBe(3);
    expect(errorOf(status)).toBe('no_running_system');
    const away = await none.command('status', '--server', 'nats://127.0.0.1:9', '--timeout', '1s', '--json');
    expect(away.code).toBe(3);
    expect(errorOf(away)).toBe('unreachable');
  });

  it('3 for a question that only a node can answer while none runs, and 1 for its status', async () => {
    await using other = await TroupeSystem.up();
    await other.kill();
    const cut = await other.command('manifest', 'cut', 'photos', '--json');
    expect(cut.code).toBe(3);
    expect(errorOf(cut)).toBe('no_answer');
    const status = await other.command('status');
    expect(status.code).toBe(1);
    expect(status.stdout).toContain('no node answers');
  });
});

describe('the end of troupe up', () => {
  it('drains at SIGTERM while work is on its way: code 0, no server left, and nothing lost', async () => {
    await using other = await TroupeSystem.up({ config: PICTURES_CONFIG });
    const through = await other.publish(pictures.items);
    await other.waitSettled(through, { atLeast: 5 });
    expect(await other.stop()).toEqual({ code: 0, signal: null });
    expect(await other.serverIsUp()).toBe(false);
    await other.start();
    await other.waitSettled(through);
    expect(await other.audit()).toMatchObject({ balanced: true, published: COUNT });
  });

  it('at SIGTERM with nothing to do: code 0, no server left, the other commands say so with 3', async () => {
    expect(await system.stop()).toEqual({ code: 0, signal: null });
    expect(await system.serverIsUp()).toBe(false);
    expect((await system.command('status')).code).toBe(3);
    expect(existsSync(join(system.dataDir, 'jetstream'))).toBe(true);
  });

  it('finds everything again when it is started again', async () => {
    await system.start();
    expect(await json('manifest', 'list', 'photos')).toMatchObject({ head: 1 });
    expect(await json('manifest', 'verify', 'photos')).toMatchObject({ ok: true });
    expect(await system.stop()).toEqual({ code: 0, signal: null });
  });
});
