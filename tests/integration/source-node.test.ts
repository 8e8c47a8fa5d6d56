// A whole node that fetches references: each hostile one gets its documented reason and the good ones around it settle;
// a rate by source only delays, also over a kill.
import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IntakePublisher } from '../../cli/publish/intake-publisher.ts';
import type { Reference } from '../../cli/publish/publish-source.ts';
import { type TestPictures, testPictures } from '../support/images.ts';
import { type Answer, type ScriptedHttpServer, scriptedHttpServer } from '../support/scripted-http-server.ts';
import { TroupeSystem } from '../support/troupe-system.ts';

const MIB = 1024 * 1024;

let pictures: TestPictures;
let server: ScriptedHttpServer;
/** Paths of good pictures on the server. */
const good: string[] = [];

beforeAll(async () => {
  pictures = await testPictures(60);
  const answers: Record<string, Answer> = {
    '/endless': (_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(64 * 1024)));
        response.once('drain', more);
      };
      more();
    },
    '/stalls': (_, response) => void response.write('a part'),
    '/loop': (_, response) => void response.writeHead(302, { Location: '/loop' }).end(),
    '/inside': (_, response) => void response.writeHead(302, { Location: 'http://10.0.0.5/' }).end(),
    '/passwd': (_, response) => void response.writeHead(302, { Location: 'file:///etc/passwd' }).end(),
    '/private': (_, response) => void response.writeHead(403).end(),
    '/broken': (_, response) => void response.writeHead(500).end(),
    '/document': (_, response) => void response.end('%PDF-1.7 no picture at all'),
  };
  for (const { path } of pictures
    .of('scene')
    .filter(({ path }) => path.endsWith('.jpg'))
    .slice(0, 24)) {
    const bytes = await readFile(path);
    good.push(`/${basename(path)}`);
    answers[`/${basename(path)}`] = (_, response) => void response.end(bytes);
  }
  server = await scriptedHttpServer(answers);
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await pictures[Symbol.asyncDispose]();
});

function systemWith(sources: object): Promise<TroupeSystem> {
  return TroupeSystem.up({
    config: {
      version: 1,
      files: { roots: ['root'] },
      sources: {
        http: { hosts: ['127.*', '10.*', '[[]::1]', '*::1*'], allowAddresses: ['127.0.0.1'], stallMs: 300 },
        ...sources,
      },
      datasets: { photos: { limits: { maxBytes: 5 * MIB } } },
    },
  });
}

async function publisherOf(system: TroupeSystem) {
  const { link, names } = await system.connect();
  const publisher = new IntakePublisher({ link, names, dataset: 'photos' });
  return async (reference: Reference): Promise<number> =>
    (await publisher.publish({ type: 'reference', reference })).sequence;
}

const onServer = (path: string) => `http://127.0.0.1:${server.port}${path}`;

describe('a node that fetches', () => {
  it('gives each hostile reference its reason, and settles the good ones around it', async () => {
    await using system = await systemWith({});
    const root = join(system.folder, 'root');
    await mkdir(root);
    execFileSync('mkfifo', [join(root, 'pipe')]);
    await writeFile(join(root, 'good.jpg'), '');
    await copyFile(pictures.of('scene')[30]?.path ?? '', join(root, 'good.jpg'));
    await writeFile(join(root, 'large.jpg'), '');
    await truncate(join(root, 'large.jpg'), 9 * MIB);
    const goodFile = pathToFileURL(join(root, 'good.jpg')).href;
    const hostile: readonly (readonly [string, string, Partial<Reference>?])[] = [
      ['file:///etc/passwd', 'source_not_allowed'],
      [pathToFileURL(join(root, 'pipe')).href, 'not_found'],
      [goodFile, 'sha256_mismatch', { sha256: '0'.repeat(64) }],
      ['gopher://127.0.0.1/', 'source_not_allowed'],
      ['http://elsewhere.example/a.jpg', 'source_not_allowed'],
      ['http://user:secret@127.0.0.1/', 'source_not_allowed'],
      ['http://10.0.0.5/a.jpg', 'address_not_allowed'],
      ['http://127.0.0.2/a.jpg', 'address_not_allowed'],
      ['http://[::1]/a.jpg', 'address_not_allowed'],
      [onServer('/inside'), 'address_not_allowed'],
      [onServer('/passwd'), 'source_not_allowed'],
      [onServer('/loop'), 'too_many_redirects'],
      [onServer('/endless'), 'too_large'],
      [onServer('/stalls'), 'fetch_timeout'],
      [onServer('/private'), 'access_denied'],
      [onServer('/absent'), 'not_found'],
      [onServer('/broken'), 'fetch_failed'],
      [onServer('/document'), 'unsupported_media_type'],
      ['s3://secrets/a.jpg', 'source_not_allowed'],
    ];
    const publish = await publisherOf(system);
    const reasons = new Map<number, string>();
    for (const [at, [uri, reason, more]] of hostile.entries()) {
      reasons.set(await publish({ uri, id: `hostile-${at}`, ...more }), `${uri} ${reason}`);
      await publish({ uri: onServer(good[at] ?? ''), id: `good-${at}` });
    }
    const large = await system.command('publish', 'photos', 'root/large.jpg', '--json');
    expect(large).toMatchObject({ code: 0 });
    reasons.set((JSON.parse(large.stdout) as { lastSequence: number }).lastSequence, 'large.jpg too_large');
    const through = await publish({ uri: goodFile, id: 'good-file' });
    await system.waitSettled(through);
    await system.cut();
    const seen = new Map<number, string>();
    for (const { sequence, outcome, reasons: codes } of await system.outcomes()) {
      if (outcome === 'dead') seen.set(sequence, `${reasons.get(sequence)?.split(' ')[0]} ${codes.join()}`);
    }
    expect([...seen].sort(([a], [b]) => a - b)).toEqual([...reasons].sort(([a], [b]) => a - b));
    expect(await system.verdicts()).toMatchObject({ dead: hostile.length + 1 });
    expect(await system.audit()).toMatchObject({ balanced: true });
    const status = JSON.parse((await system.command('status', '--json')).stdout) as {
      readonly nodes: readonly { readonly actors: readonly { readonly restarts: number }[] }[];
    };
    expect(
      status.nodes.flatMap(({ actors }) => actors.map(({ restarts }) => restarts)).filter(Boolean),
    ).toEqual([]);
  });

  it('gives the same manifest at a low rate, over a kill in the middle, and holds no other source back', async () => {
    const publishAll = async (system: TroupeSystem) => {
      const publish = await publisherOf(system);
      let through = 0;
      for (const path of good) {
        through = await publish({ uri: onServer(path), id: `slow${path}`, source: 'slow' });
      }
      for (const path of good.slice(0, 6)) {
        through = await publish({ uri: onServer(path), id: `quick${path}`, source: 'quick' });
      }
      return through;
    };
    await using unlimited = await systemWith({});
    await unlimited.waitSettled(await publishAll(unlimited));
    const expected = await unlimited.manifestDigest();

    await using limited = await systemWith({ rates: [{ source: 'slow', perSecond: 4, burst: 1 }] });
    const through = await publishAll(limited);
    await limited.waitSettled(through, { atLeast: 9 });
    const held = await limited.audit();
    expect(held.balanced).toBe(true);
    expect(held.pending.held).toBeGreaterThan(0);
    expect(held.verdicts.eligible + held.verdicts.review + held.verdicts.rejected).toBeLessThan(through);
    await limited.kill();
    await limited.start();
    await limited.waitSettled(through);
    expect(await limited.manifestDigest()).toBe(expected);
    expect(await limited.audit()).toMatchObject({ balanced: true, verdicts: { dead: 0 } });
  });
});
