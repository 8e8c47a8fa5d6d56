// A system under the generated set-up, with TLS: users of all roles do their work by commands against a node that has the key
// of a node. Keys are rotated and revoked meanwhile; certificates are wrong or over.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CertificateRefused, CredentialsRefused } from '#nats';
import { PICTURES_CONFIG, type TestPictures, testPictures } from '../support/images.ts';
import { linkOf, runWith, SecuredServer } from '../support/secured-server.ts';
import { TroupeNode, waitFor } from '../support/troupe-node.ts';
import { until } from './nats-harness.ts';

describe('a node with the key of a node, under TLS', () => {
  let server: SecuredServer;
  let node: TroupeNode;
  let pictures: TestPictures;
  beforeAll(async () => {
    server = await SecuredServer.start();
    await server.secure('add-user', 'camera', '--role', 'publisher', '--dataset', 'photos');
    await server.secure('add-user', 'ada', '--role', 'reviewer', '--dataset', 'photos');
    await server.secure('add-user', 'watch', '--role', 'viewer');
    const env = await server.env('node');
    node = await TroupeNode.up({
      server: { url: env.NATS_URL ?? '', token: '' },
      args: [],
      config: { ...PICTURES_CONFIG, node: { name: 'one', embedding: { serve: ['troupe-tiny'] } } },
      env,
    });
    pictures = await testPictures(24);
  });
  afterAll(async () => {
    await pictures?.[Symbol.asyncDispose]();
    await node?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  it('runs the pipeline end to end, each user within its role', async () => {
    // With metadata every item travels through the uploads bucket.
    await server.must('camera', 'publish', 'photos', pictures.folder, '--metadata', 'site=roof');
    await allSettled(server, 24);
    const cut = JSON.parse((await server.must('operator', 'manifest', 'cut', 'photos', '--json')).stdout);
    expect(cut).toMatchObject({ number: 1 });
    for (const args of [
      ['status'],
      ['manifest', 'list', 'photos'],
      ['manifest', 'verify', 'photos'],
      ['explain', 'photos', '1'],
      ['dead', 'list', 'photos'],
      ['shards', 'list'],
    ]) {
      expect((await server.run('watch', ...args)).stderr, args.join(' ')).not.toContain('error');
    }
    await server.must('ada', 'dead', 'retry', 'photos', '--all');
    await server.must('operator', 'dataset', 'create', 'cats');
    await server.must('operator', 'dataset', 'delete', 'cats', '--yes');
    await server.must('operator', 'erase', 'photos', '1', '--reason', 'asked');
  });

  it('gives vectors to who publishes, and shows the replicas of a model to who looks', async () => {
    const subject = 'troupe.embed.troupe-tiny';
    const picture = await readFile(pictures.of('scene')[0]?.path ?? '');
    const camera = await server.link('camera');
    const answer = await camera.connection.request(subject, picture, { timeout: 10_000 });
    expect(answer.headers?.get('Troupe-Dimension')).toBe('224');
    await camera.close();
    const watch = await server.link('watch');
    await expect(watch.connection.request(subject, picture, { timeout: 2_000 })).rejects.toThrow(/ermission/);
    const stats = await watch.connection.request('$SRV.STATS.troupe-embed-troupe-tiny', '');
    expect(stats.json()).toMatchObject({
      name: 'troupe-embed-troupe-tiny',
      metadata: { node: 'one', subject },
    });
    await watch.close();
    expect(node.log).not.toContain('Permissions Violation');
  });

  it.each([
    ['watch', ['manifest', 'cut', 'photos']],
    ['watch', ['dead', 'purge', 'photos', '--all', '--by', 'watch']],
    ['ada', ['erase', 'photos', '2', '--reason', 'asked']],
    ['ada', ['dataset', 'create', 'dogs']],
    ['camera', ['explain', 'photos', '2']],
    ['camera', ['status']],
  ])('tells %s that %j is not for it', async (user, args) => {
    const run = await server.run(user, ...args, '--json');
    expect({ code: run.code, stderr: run.stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining('"permission_denied"'),
    });
  });

  it('loses nothing while the key of the node is rotated under load', async () => {
    const more = await testPictures(40, 2);
    const [before] = (await server.state()).users.filter(({ name }) => name === 'node');
    const publishing = server.must(
      'camera',
      'publish',
      'photos',
      more.folder,
      '--source',
      'second',
      '--rate',
      '20',
    );
    await server.secure('rotate', 'node');
    await server.secure('rotate', 'node', '--finish');
    await node.logged('reconnected to NATS');
    await publishing;
    await allSettled(server, 64);
    const { users, former } = await server.state();
    const after = users.find(({ name }) => name === 'node');
    expect(after?.keys).toHaveLength(1);
    expect(after?.keys).not.toEqual(before?.keys);
    expect(former).toMatchObject([{ user: 'node', why: 'rotated', publicKey: before?.keys[0]?.publicKey }]);
    expect(node.log).not.toContain('Permissions Violation');
    await more[Symbol.asyncDispose]();
  });
});

describe('a set-up in which others manage the streams', () => {
  it('lets nodes and operators do all but make streams, on those that somebody with the right has made', async () => {
    await using server = await SecuredServer.start({ plan: { provision: false } });
    await server.secure('add-user', 'admin', '--role', 'operator', '--provision');
    await server.secure('add-user', 'camera', '--role', 'publisher', '--dataset', 'photos');
    const env = await server.env('node');
    const start = {
      server: { url: env.NATS_URL ?? '', token: '' },
      config: { ...PICTURES_CONFIG, node: { name: 'one' } },
      env,
    };
    await using refused = await TroupeNode.start({ ...start, args: [] });
    expect((await refused.ended()).code).toBe(1);
    expect(refused.failure).toMatchObject({ error: 'permission_denied' });

    const { stdout } = await server.must('operator', 'config', 'streams', 'photos', '--json');
    const admin = await server.link('admin');
    for (const stream of JSON.parse(stdout)) await admin.manager.streams.add(stream);
    await admin.close();
    await using node = await TroupeNode.up({ ...start, args: ['--no-provision'] });
    await using pictures = await testPictures(24);
    await server.must('camera', 'publish', 'photos', pictures.folder, '--metadata', 'site=roof');
    await allSettled(server, 24, 'operator');
    await server.must('operator', 'manifest', 'cut', 'photos');
    await server.must('operator', 'erase', 'photos', '1', '--reason', 'asked');
    node.signal('SIGTERM');
    expect((await node.ended()).code).toBe(0);
    expect(node.log).not.toContain('Permissions Violation');
  });
});

describe('a server under TLS', () => {
  it('is not spoken to under the certificate of another authority, or of another host', async () => {
    await using server = await SecuredServer.start({ plan: { hosts: ['localhost', '127.0.0.1'] } });
    await using other = await SecuredServer.start();
    const env = await server.env('operator');
    const foreign = (await other.env('operator')).NATS_CA ?? '';
    await expect(linkOf(env, { ca: foreign })).rejects.toThrow(CertificateRefused);
    const elsewhere = (env.NATS_URL ?? '').replace('localhost', '127.0.0.2');
    await expect(linkOf({ ...env, NATS_URL: elsewhere })).rejects.toThrow(/for another host/);
    const run = await runWith({ ...env, NATS_CA: foreign }, 'status', '--json');
    expect(run).toMatchObject({ code: 3, stderr: expect.stringContaining('"certificate_refused"') });
    const address = (env.NATS_URL ?? '').replace('localhost', '127.0.0.1');
    await (await linkOf({ ...env, NATS_URL: address })).close();
  });

  it('is not spoken to once its certificate has expired, and again after it was renewed', async () => {
    await using server = await SecuredServer.start({ plan: { days: -1 } });
    await expect(server.link('operator')).rejects.toThrow(/certificate has expired/);
    await server.secure('renew');
    await until('the new certificate is in use', () =>
      server.link('operator').then(
        (link) => link.close().then(() => true),
        () => false,
      ),
    );
  });

  it('refuses a revoked key, disconnects who has it, and no seed gets into a log', async () => {
    await using server = await SecuredServer.start();
    await server.secure('add-user', 'camera', '--role', 'publisher', '--dataset', 'photos');
    const env = await server.env('camera');
    const seed = (await readFile(env.NATS_NKEY ?? '', 'utf8')).trim();
    const kept = await server.write('kept.nk', `${seed}\n`);
    const lines: string[] = [];
    const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
    const revoked = { ...env, NATS_NKEY: kept };
    await until('the server knows the user', () =>
      linkOf(revoked).then(
        (link) => link.close().then(() => true),
        () => false,
      ),
    );
    const link = await linkOf(revoked, { log });
    await server.secure('revoke', 'camera');
    await until('it is disconnected', () => !link.connected);
    await link.close();
    await expect(linkOf(revoked, { log })).rejects.toThrow(CredentialsRefused);
    const run = await runWith(revoked, 'publish', 'photos', kept, '--json');
    expect(run).toMatchObject({ code: 3, stderr: expect.stringContaining('"credentials_refused"') });
    expect(lines.join('')).toContain('disconnected from NATS');
    for (const text of [lines.join(''), run.stdout, run.stderr, await server.log()]) {
      expect(text).not.toContain(seed.slice(0, 20));
    }
    expect(existsSync(env.NATS_NKEY ?? '')).toBe(false);
  });
});

/** Resolves when the account balances and so many items have a verdict. */
async function allSettled(server: SecuredServer, count: number, as = 'watch'): Promise<void> {
  await waitFor(`${count} items have a verdict`, async () => {
    const run = await server.run(as, 'audit', 'photos', '--json');
    if (run.code !== 0) throw new Error(`the audit failed: ${run.stdout}${run.stderr}`);
    const { verdicts } = JSON.parse(run.stdout) as { readonly verdicts: Readonly<Record<string, number>> };
    return Object.values(verdicts).reduce((sum, each) => sum + each, 0) >= count;
  });
}
