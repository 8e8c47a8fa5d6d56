// What any NATS client sees: everything here that talks to the system does so with @nats-io packages alone, by the
// subjects of the public contract. One run on each nats-server version; each test looks at one rule in its outcomes.
import { createHash } from 'node:crypto';
import { readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type JetStreamClient, jetstream } from '@nats-io/jetstream';
import { Objm } from '@nats-io/obj';
import { connect, headers, type NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestPictures, testPictures } from '../support/images.ts';
import { availableServerVersions } from '../support/nats-server.ts';
import type { SeenOutcome } from '../support/system-client.ts';
import { TroupeSystem } from '../support/troupe-system.ts';

const SUBJECT = 'troupe.intake.photos';
const encoder = new TextEncoder();
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

let pictures: TestPictures;

beforeAll(async () => {
  pictures = await testPictures(60);
});

afterAll(() => pictures[Symbol.asyncDispose]());

describe.each(await availableServerVersions())('any NATS client, on nats-server $version', ({ label }) => {
  let system: TroupeSystem;
  let connection: NatsConnection;
  let client: JetStreamClient;
  /** Outcome messages by intake sequence, as the subscription got them. */
  const outcomes = new Map<number, SeenOutcome[]>();
  /** Intake sequence by what was published. */
  const published = new Map<string, number>();
  let manifest: { readonly findings: readonly { readonly code: string; readonly id: string }[] };
  let scenes: readonly Uint8Array[] = [];

  async function publish(
    what: string,
    body: Uint8Array | string | object,
    header: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const set = headers();
    for (const [name, value] of Object.entries(header)) set.set(name, value);
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const data = body instanceof Uint8Array ? body : encoder.encode(text);
    const { seq, duplicate } = await client.publish(SUBJECT, data, { headers: set });
    expect(duplicate).toBe(false);
    published.set(what, seq);
  }

  const raw = (what: string, body: Uint8Array, more: Readonly<Record<string, string>> = {}) =>
    publish(what, body, { 'Content-Type': 'image/jpeg', 'Troupe-Id': what, ...more });

  const reference = (what: string, uri: string, more: object = {}) =>
    publish(what, { uri, id: what, ...more }, { 'Content-Type': 'application/json' });

  /** The one outcome of what was published. */
  function outcomeOf(what: string): SeenOutcome {
    const found = outcomes.get(published.get(what) ?? 0) ?? [];
    expect(found.map(({ outcome }) => outcome)).toHaveLength(1);
    const [only] = found;
    if (only === undefined) throw new Error(`no outcome of ${what}`);
    return only;
  }

  beforeAll(async () => {
    const root = pictures.folder;
    system = await TroupeSystem.up({
      version: label,
      config: {
        version: 1,
        files: { roots: [root] },
        datasets: { photos: { governance: { refuseSources: ['banned/*'] } } },
      },
    });
    const { url, token } = await system.address();
    connection = await connect({ servers: url, token });
    client = jetstream(connection);
    connection.subscribe('troupe.outcome.photos.>', {
      callback: (error, message) => {
        if (error !== null) throw error;
        const seen = message.json<SeenOutcome>();
        expect(message.subject).toBe(`troupe.outcome.photos.${seen.outcome}`);
        outcomes.set(seen.sequence, [...(outcomes.get(seen.sequence) ?? []), seen]);
      },
    });
    await connection.flush();
    await publishEverything(root);
    const through = Math.max(...published.values());
    await system.waitSettled(through);
    const cut = await system.command('manifest', 'cut', 'photos', '--json');
    expect(cut).toMatchObject({ code: 0 });
    // The repeat is the one sequence which is no item of its own.
    await system.waitFor(() => outcomes.size === published.size - 1, {
      deadlineMs: 20_000,
      what: () => `an outcome for each of ${published.size - 1} items (${outcomes.size} came)`,
    });
    manifest = JSON.parse((await system.command('manifest', 'show', 'photos', '--json')).stdout);
  });

  afterAll(async () => {
    await connection?.close();
    await system?.[Symbol.asyncDispose]();
  });

  async function publishEverything(root: string): Promise<void> {
    const files = pictures.of('scene').filter(({ path }) => path.endsWith('.jpg'));
    scenes = await Promise.all(files.slice(0, 12).map(({ path }) => readFile(path)));
    const [plain, byHeaderless, twice, shared, first, second, declared, uploaded, refused] = scenes;
    const used = new Set(files.slice(0, 12).map(({ id }) => id));
    const [byFile, copyOf] = [files[9], pictures.of('reencode').find(({ of = '' }) => !used.has(of))];
    if (
      !plain ||
      !byHeaderless ||
      !twice ||
      !shared ||
      !first ||
      !second ||
      !declared ||
      !uploaded ||
      !refused ||
      !byFile ||
      !copyOf
    )
      throw new Error('too few pictures');

    await raw('plain', plain);
    await publish('without-id', byHeaderless);
    await raw('twice', twice, { 'Troupe-Source': 'camera', 'Troupe-Time': '2026-01-31T12:00:00Z' });
    await raw('shared-a', shared);
    await raw('shared-b', shared);
    await publish('one-id-1', first, { 'Troupe-Id': 'one-id' });
    await publish('one-id-2', second, { 'Troupe-Id': 'one-id' });
    await reference('by-file', pathToFileURL(byFile.path).href, { metadata: { place: 'here' } });
    await reference('declared', pathToFileURL(files[6]?.path ?? '').href, { sha256: sha256(declared) });
    const bucket = await new Objm(client).open('troupe-uploads');
    await bucket.putBlob({ name: 'photos/large.jpg' }, uploaded);
    await reference('by-upload', 'obj://troupe-uploads/photos/large.jpg');
    const original = pictures.items.find(({ id }) => id === copyOf.of);
    await reference('original', pathToFileURL(original?.path ?? '').href);
    await reference('re-encoded', pathToFileURL(copyOf.path).href);

    await raw('refused-bytes', refused, { 'Troupe-Source': 'banned/feed' });
    await reference('refused-uri', 'file:///etc/passwd', { source: 'banned/feed' });

    await reference('passwd', 'file:///etc/passwd');
    await symlink('/etc/passwd', join(root, `link-${label}.jpg`));
    await reference('link', pathToFileURL(join(root, `link-${label}.jpg`)).href);
    await reference('scheme', 'http://127.0.0.1:1/a.jpg');
    await reference('absent', pathToFileURL(join(root, 'absent.jpg')).href);
    await reference('wrong-sha', pathToFileURL(byFile.path).href, { sha256: '0'.repeat(64) });
    await raw('empty', new Uint8Array());
    await raw('truncated', plain.subarray(0, Math.floor(plain.length / 2)));
    await raw('text', encoder.encode('no picture at all'));
    await raw('pdf', encoder.encode('%PDF-1.7 and so on'));
    await publish('no-json', '{ "uri": ', { 'Content-Type': 'application/json', 'Troupe-Id': 'no-json' });
    await publish('no-uri', { id: 'no-uri', path: '/a' }, { 'Content-Type': 'application/json' });
    await raw('bad-time', plain, { 'Troupe-Time': 'yesterday' });
    await raw('after-all-that', scenes[10] ?? plain);
    // Last, so that its first message is far behind: no duplicate window is needed to know it.
    await raw('twice again', twice, {
      'Troupe-Id': 'twice',
      'Troupe-Source': 'camera',
      'Troupe-Time': '2026-01-31T12:00:00Z',
    });
  }

  it('gets exactly one outcome for each item that it published', () => {
    for (const what of published.keys()) if (what !== 'twice again') outcomeOf(what);
    expect([...outcomes.values()].every((seen) => seen.length === 1)).toBe(true);
  });

  it.each(['plain', 'twice', 'by-file', 'declared', 'by-upload', 'original', 'after-all-that'])(
    'has its picture kept: %s',
    (what) => {
      expect(outcomeOf(what)).toMatchObject({ outcome: 'kept', id: what });
    },
  );

  it('may leave the id out: then the content names the item', () => {
    expect(outcomeOf('without-id')).toMatchObject({
      outcome: 'kept',
      id: sha256(scenes[1] ?? new Uint8Array()),
    });
  });

  it('learns the survivor of a duplicate and the relation', () => {
    expect(outcomeOf('re-encoded')).toMatchObject({
      outcome: 'duplicate',
      survivor: { id: 'original', relation: 'near' },
    });
  });

  it('has one content under two ids as two items, one the exact duplicate of the other', () => {
    const both = [outcomeOf('shared-a'), outcomeOf('shared-b')];
    const [kept, duplicate] = both.sort((a, b) => (a.outcome < b.outcome ? 1 : -1));
    expect(kept?.outcome).toBe('kept');
    expect(duplicate).toMatchObject({ outcome: 'duplicate', survivor: { id: kept?.id, relation: 'exact' } });
  });

  it('has two contents under one id both stand, with a finding', () => {
    const both = [outcomeOf('one-id-1'), outcomeOf('one-id-2')];
    expect(both).toMatchObject([
      { outcome: 'kept', id: 'one-id' },
      { outcome: 'kept', id: 'one-id' },
    ]);
    expect(both[0]?.item).not.toBe(both[1]?.item);
    expect(manifest.findings).toMatchObject([{ id: 'one-id', items: [both[0]?.item, both[1]?.item].sort() }]);
  });

  it('may send the same five properties again: a repeat, no second item', async () => {
    expect(outcomes.get(published.get('twice again') ?? 0)).toBeUndefined();
    const explained = await system.command('explain', 'photos', 'twice');
    expect(explained.stdout).toContain(`repeat of sequence ${published.get('twice')}`);
    const report = await system.command('audit', 'photos', '--json');
    expect(report.code).toBe(0);
    expect(JSON.parse(report.stdout)).toMatchObject({
      balanced: true,
      published: published.size,
      missing: [],
      verdicts: { repeats: 1 },
    });
  });

  it.each([
    ['passwd', 'source_not_allowed'],
    ['link', 'source_not_allowed'],
    ['scheme', 'source_not_allowed'],
    ['absent', 'not_found'],
    ['wrong-sha', 'sha256_mismatch'],
    ['empty', 'empty'],
    ['truncated', 'corrupt_image'],
    ['text', 'corrupt_image'],
    ['pdf', 'unsupported_media_type'],
    ['no-json', 'bad_envelope'],
    ['no-uri', 'bad_envelope'],
    ['bad-time', 'bad_header'],
  ])('learns that its message is dead, and why: %s, %s', (what, reason) => {
    expect(outcomeOf(what)).toMatchObject({ outcome: 'dead', reasons: [reason] });
  });

  it.each(['passwd', 'wrong-sha', 'empty', 'no-json'])('learns the id of its dead message: %s', (what) => {
    expect(outcomeOf(what).id).toBe(what);
  });

  it('can read a dead letter with its original bytes and headers', async () => {
    const stream = await client.streams.get('TROUPE_DEAD_photos');
    const letter = await stream.getMessage({ last_by_subj: 'troupe.dead.photos.intake' });
    expect(letter?.header.get('Troupe-Reason')).toMatch(/^[a-z0-9_]+$/);
    const all = JSON.parse((await system.command('dead', 'list', 'photos', '--json')).stdout) as {
      readonly letter: number;
      readonly sequence: number;
    }[];
    const text = all.find(({ sequence }) => sequence === published.get('text'));
    const original = await stream.getMessage({ seq: text?.letter ?? 0 });
    expect(original?.string()).toBe('no picture at all');
    expect(original?.header.get('Content-Type')).toBe('image/jpeg');
  });

  it.each(['refused-bytes', 'refused-uri'])(
    'of a refused source is rejected and nothing is fetched: %s',
    async (what) => {
      expect(outcomeOf(what)).toMatchObject({ outcome: 'rejected', id: what, score: null });
      const { stdout } = await system.command('explain', 'photos', what, '--json');
      const { items } = JSON.parse(stdout) as {
        readonly items: readonly { readonly entry: { facts: unknown } }[];
      };
      expect(items).toHaveLength(1);
      expect(items[0]?.entry.facts).toBeNull();
    },
  );

  it('is told at once that nobody takes messages for a dataset that does not exist', async () => {
    const intake = await (await client.streams.get('TROUPE_INTAKE_photos')).info();
    expect(intake.state.last_seq).toBe(published.size);
    await expect(connection.request('troupe.intake.nobody', 'x')).rejects.toThrow(/no responders/i);
  });
});
