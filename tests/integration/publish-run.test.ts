// `publish` against a real server without a node: what reaches the intake stream, and how an interrupted run goes on.
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { headers } from 'nats';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { eachMessage, ensureDataset, ensureSystem, type NatsLink, namesOf, type SystemNames } from '#nats';
import { type Clock, systemClock } from '#runtime';
import { ClientSystem } from '../../cli/node/client-system.ts';
import { uploadSource } from '../../cli/node/connect-sources.ts';
import { type PublishPlan, type PublishReport, runPublish } from '../../cli/publish/run-publish.ts';
import { admitAll } from '../support/admit-all.ts';
import { describeOnServers, smallDataset } from './nats-harness.ts';

const MIB = 1024 * 1024;
const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');

interface Intake {
  readonly id: string | undefined;
  readonly source: string | undefined;
  readonly body: string;
}

await describeOnServers('publishing', (under) => {
  let folder: string;
  let link: NatsLink;
  let names: SystemNames;
  let system: ClientSystem;
  const notes: string[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'troupe-publish-'));
    link = await under.link();
    const name = under.newSystem();
    names = namesOf(name);
    await ensureSystem(link, { system: name });
    await ensureDataset(link, 'photos', smallDataset(name));
    system = new ClientSystem({ link, names, timeoutMs: 5_000 });
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  const pathsOf = (...paths: readonly string[]) => ({ paths, lists: [], cwd: folder, stdin: stdinOf('') });

  /** The files of a test are older than any run. */
  const clock: Clock = { ...systemClock, wallMs: () => systemClock.wallMs() + 3_600_000 };

  async function run(from: PublishPlan['from'], more: Partial<PublishPlan> = {}): Promise<PublishReport> {
    notes.length = 0;
    return runPublish(system, {
      dataset: 'photos',
      from,
      resume: 'continue',
      dataDir: join(folder, '.troupe'),
      clock,
      terminal: { note: (line) => void notes.push(line), progress: () => ({ update() {}, done() {} }) },
      signal: new AbortController().signal,
      ...more,
    });
  }

  async function intake(): Promise<readonly Intake[]> {
    const all: Intake[] = [];
    for await (const message of eachMessage(link, names.streams.intake('photos'))) {
      all.push({
        id: message.header('Troupe-Id'),
        source: message.header('Troupe-Source'),
        body: Buffer.from(message.data).toString(),
      });
    }
    return all;
  }

  async function files(...paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      await mkdir(join(folder, 'in', path, '..'), { recursive: true });
      await writeFile(join(folder, 'in', path), `content of ${path}`);
    }
  }

  /** Publishes one item after the other, and interrupts the run once `after` of them are acknowledged. */
  function interruptedAfter(after: number): Partial<PublishPlan> {
    const stop = new AbortController();
    let [acknowledged, started] = [0, 1];
    let waiting: (() => void) | undefined;
    const step = () => {
      if (acknowledged < started || waiting === undefined) return;
      started += 1;
      waiting();
      waiting = undefined;
    };
    const update = () => {
      acknowledged += 1;
      if (acknowledged === after) stop.abort();
      step();
    };
    return {
      signal: stop.signal,
      // With a rate, each item but the first waits for the clock, which here waits for the item before.
      perSecond: 1,
      terminal: { note() {}, progress: () => ({ update, done() {} }) },
      clock: {
        ...clock,
        monotonicMs: () => 0,
        schedule: (_delayMs, action) => {
          waiting = action;
          step();
          return () => {};
        },
      },
    };
  }

  const kept = () => readdir(join(folder, '.troupe', 'publish')).catch(() => []);

  it('sends a folder by the paths below it, in any script, without hidden files and links', async () => {
    await files('b.jpg', 'a/1.jpg', 'a/Grüße 東京.jpg', '.hidden.jpg', '.git/x.jpg');
    await symlink('/etc/passwd', join(folder, 'in', 'link.jpg'));
    const report = await run(pathsOf('in'), { source: 'camera' });
    expect(report).toMatchObject({
      published: 3,
      duplicates: 0,
      failed: 0,
      resumedAfter: 0,
      lastSequence: 3,
    });
    const sent = await intake();
    expect(new Set(sent.map(({ id }) => id))).toEqual(new Set(['a/1.jpg', 'a/Grüße 東京.jpg', 'b.jpg']));
    expect(sent.every(({ source }) => source === 'camera')).toBe(true);
    expect(await kept()).toEqual([]);
  });

  it('goes on where it was interrupted, and forgets the run once it is over', async () => {
    await files(...Array.from({ length: 9 }, (_, index) => `${index}.jpg`));
    const first = await run(pathsOf('in'), interruptedAfter(4));
    expect(first.published).toBe(4);
    expect(await kept()).toHaveLength(1);
    const second = await run(pathsOf('in'));
    expect(second).toMatchObject({
      resumedAfter: first.published,
      published: 9 - first.published,
      duplicates: 0,
    });
    expect(notes.join()).toContain('were published before');
    expect((await intake()).map(({ id }) => id).sort()).toEqual(
      Array.from({ length: 9 }, (_, index) => `${index}.jpg`),
    );
    expect(await kept()).toEqual([]);
  });

  it('begins anew when told, when nothing is kept, and when what it published last is gone', async () => {
    await files('1.jpg', '2.jpg', '3.jpg', '4.jpg');
    const first = await run(pathsOf('in'), interruptedAfter(2));
    expect(await run(pathsOf('in'), { resume: 'off' })).toMatchObject({
      published: 4,
      duplicates: first.published,
    });
    await rm(join(folder, 'in', `${first.published}.jpg`));
    expect(await run(pathsOf('in'))).toMatchObject({ published: 3, resumedAfter: 0 });
    expect(notes.join()).toContain('is gone');
    expect(await run(pathsOf('in'), interruptedAfter(1))).toMatchObject({ published: 1 });
    expect(await run(pathsOf('in'), { resume: 'restart' })).toMatchObject({ published: 3, resumedAfter: 0 });
  });

  it('has nothing to go on from in a dataset that was made anew', async () => {
    await files('1.jpg', '2.jpg', '3.jpg');
    await run(pathsOf('in'), interruptedAfter(1));
    await (await jetstreamManager(link.connection)).streams.delete(names.streams.intake('photos'));
    await ensureDataset(link, 'photos', smallDataset(names.system));
    expect(await run(pathsOf('in'))).toMatchObject({ published: 3, resumedAfter: 0 });
  });

  it('lists what it cannot read, sends the rest, and tries only that again', async () => {
    await files('1.jpg', 'new\nline.jpg', '3.jpg');
    await writeFile(join(folder, 'list'), 'in/1.jpg\nin/absent.jpg\n\n{"uri":1}\nin/3.jpg\n');
    const given = { ...pathsOf('in'), lists: ['list'] };
    const report = await run(given);
    expect(report).toMatchObject({ published: 4, failed: 3 });
    expect(report.failures).toMatchObject([
      { item: expect.stringContaining('new\nline.jpg'), problem: expect.stringContaining('control') },
      { item: join(folder, 'in', 'absent.jpg'), problem: expect.stringContaining('no such file') },
      { item: 'list, line 4', problem: expect.stringContaining('uri') },
    ]);
    await files('absent.jpg');
    expect(await run(given)).toMatchObject({ published: 1, failed: 2, resumedAfter: 4 });
    expect((await intake()).map(({ id }) => id)).toContain('in/absent.jpg');
  });

  it('takes lines of paths, URIs and JSON from standard input', async () => {
    await files('a/1.jpg');
    const reference = { uri: 'https://host.example/2.jpg', id: 'two', source: 'crawl', metadata: { n: 2 } };
    const stdin = stdinOf(`in/a/1.jpg\nhttps://host.example/1.jpg\n${JSON.stringify(reference)}\n`);
    const report = await run({ paths: ['-'], lists: [], cwd: folder, stdin }, { source: 'mine' });
    expect(report).toMatchObject({ published: 3, failed: 0 });
    const sent = await intake();
    expect(sent.filter(({ id }) => id !== undefined)).toMatchObject([{ id: 'in/a/1.jpg', source: 'mine' }]);
    const references = sent
      .filter(({ id }) => id === undefined)
      .map(({ body }) => JSON.parse(body) as unknown);
    expect(references).toHaveLength(2);
    expect(references).toContainEqual({ uri: 'https://host.example/1.jpg', source: 'mine' });
    expect(references).toContainEqual(reference);
  });

  it('sends metadata with a file by way of the uploads bucket', async () => {
    await files('1.jpg');
    await run(pathsOf('in'), { metadata: { licence: 'CC0' } });
    const [message] = await intake();
    const reference = JSON.parse(message?.body ?? '') as { readonly uri: string };
    expect(reference).toMatchObject({
      id: '1.jpg',
      sha256: sha256('content of 1.jpg'),
      metadata: { licence: 'CC0' },
    });
    const bytes = await uploadSource(link, names).read(reference.uri, {
      maxBytes: MIB,
      signal: new AbortController().signal,
      admit: admitAll,
    });
    expect(Buffer.from(bytes).toString()).toBe('content of 1.jpg');
  });

  it('sends 100 MB by the uploads bucket, which a node refuses to read above its limit', async () => {
    await files('large.jpg');
    await truncate(join(folder, 'in', 'large.jpg'), 100 * MIB);
    expect(await run(pathsOf('in'))).toMatchObject({ published: 1, bytes: 100 * MIB });
    const [message] = await intake();
    const { uri } = JSON.parse(message?.body ?? '') as { readonly uri: string };
    const signal = new AbortController().signal;
    const reading = uploadSource(link, names).read(uri, { maxBytes: 64 * MIB, signal, admit: admitAll });
    await expect(reading).rejects.toMatchObject({ name: 'ItemFailure', code: 'too_large' });
  });

  it('says of a dataset that does not exist that nothing was accepted', async () => {
    await files('1.jpg');
    await (await jetstreamManager(link.connection)).streams.update(names.streams.intake('photos'), {
      subjects: ['elsewhere'],
    });
    await expect(run(pathsOf('in'))).rejects.toMatchObject({ code: 'unknown_dataset' });
  });

  it('sends the messages of a stream, and later only what came since', async () => {
    const manager = await jetstreamManager(link.connection);
    const stream = `CAMERA${names.system}`;
    await manager.streams.add({ name: stream, subjects: [`${stream}.*`] });
    const client = jetstream(link.connection);
    const send = (subject: string, body: string, id?: string) => {
      const set = headers();
      if (id !== undefined) set.set('Troupe-Id', id);
      set.set('Troupe-Time', '2026-01-31T12:00:00Z');
      return client.publish(`${stream}.${subject}`, body, { headers: set });
    };
    await send('a', 'one');
    await send('b', 'other');
    await send('a', 'two', 'named');
    const from = { stream, filter: `${stream}.a`, idHeader: 'Troupe-Id' };
    expect(await run(from)).toMatchObject({ published: 2, failed: 0 });
    expect(await intake()).toMatchObject([
      { id: `${stream}/1`, body: 'one' },
      { id: 'named', body: 'two' },
    ]);
    await send('a', 'three');
    expect(await run(from)).toMatchObject({ published: 1, resumedAfter: 2 });
    expect(await run({ ...from, fromSequence: 3 })).toMatchObject({ published: 2, duplicates: 2 });
    expect((await manager.streams.info(stream)).state.messages).toBe(4);
    await expect(run({ ...from, stream: 'ABSENT' })).rejects.toMatchObject({ code: 'usage' });
  });
});

async function* stdinOf(text: string): AsyncGenerator<Uint8Array, void> {
  yield Buffer.from(text);
}
