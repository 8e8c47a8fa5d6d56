import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  BinaryCache,
  compareVersions,
  LocalMachine,
  ReleaseSource,
  resolveNatsServer,
} from '../../nats/server/index.ts';
import { availableServerVersions, startTestServer } from '../support/nats-server.ts';

const hasApt =
  spawnSync('apt-get', ['--version']).status === 0 && spawnSync('dpkg', ['--version']).status === 0;

let cacheHome: string;

beforeEach(async () => {
  cacheHome = await mkdtemp(join(tmpdir(), 'troupe-cache-'));
});

afterEach(async () => {
  await rm(cacheHome, { recursive: true, force: true });
});

function machineWith(environment: Readonly<Record<string, string>>): LocalMachine {
  return new LocalMachine({ XDG_CACHE_HOME: cacheHome, ...environment });
}

describe.skipIf(!hasApt)(
  "Debian's package, fetched for real (skipped where apt-get or dpkg is absent)",
  () => {
    it('gives a newer server than the machine’s own suite and keeps both apart in the cache', async () => {
      const machine = machineWith({ TROUPE_NATS_NO_DOWNLOAD: '1' });
      const own = await resolveNatsServer({ machine, wish: 'distribution' });
      const any = await resolveNatsServer({ machine });
      expect(any.origin).toBe("Debian's testing package");
      expect(compareVersions(any.version, own.version)).toBeGreaterThan(0);
      const platform = `${process.platform}-${process.arch}`;
      expect((await readdir(join(cacheHome, 'troupe', 'nats-server'))).sort()).toEqual(
        [`${own.version}-${platform}`, `${any.version}-${platform}`].sort(),
      );
      expect((await resolveNatsServer({ machine })).origin).toBe('cache');
    });

    it('gives the tests two versions', async () => {
      const versions = await availableServerVersions();
      expect(versions.map((version) => version.label)).toEqual(['stable', 'newest']);
    });
  },
);

describe('the official release, from a mirror', () => {
  let server: Server;
  let archive: string;
  let sha256: string;
  const version = '9.9.9';
  const name = `nats-server-v${version}-${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`;

  beforeEach(async () => {
    const [available] = await availableServerVersions();
    archive = join(cacheHome, 'release.tar.gz');
    await mkdir(join(cacheHome, name));
    execFileSync('cp', [available?.binary ?? '', join(cacheHome, name, 'nats-server')]);
    execFileSync('tar', ['-czf', archive, '-C', cacheHome, name]);
    const bytes = await readFile(archive);
    sha256 = createHash('sha256').update(bytes).digest('hex');
    server = createServer((request, response) => {
      // Releases answer with a redirect to where the bytes are.
      if (request.url === `/v${version}/${name}.tar.gz`)
        response.writeHead(302, { location: '/bytes' }).end();
      else if (request.url === '/bytes') response.end(bytes);
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterEach(() => {
    server.close();
  });

  function source(checksum: string): ReleaseSource {
    const { port } = server.address() as AddressInfo;
    const machine = machineWith({ TROUPE_NATS_DOWNLOAD_URL: `http://127.0.0.1:${port}` });
    const platform = `${process.platform}-${process.arch}`;
    return new ReleaseSource(machine, new BinaryCache(machine), {
      version,
      sha256: { [platform]: checksum },
    });
  }

  it('is followed through redirects, verified, unpacked and runs', async () => {
    const [available] = await availableServerVersions();
    expect(await source(sha256).find()).toMatchObject({ found: true, version: available?.version });
  });

  it('is refused when its bytes are others, and leaves nothing', async () => {
    await expect(source('0'.repeat(64)).find()).rejects.toThrow(
      `expected sha256 ${'0'.repeat(64)}, got ${sha256}`,
    );
    expect(await readdir(join(cacheHome, 'troupe', 'nats-server'))).toEqual([]);
  });
});

describe('the test server', () => {
  it('comes back on the same address after a kill', async () => {
    await using server = await startTestServer({ version: 'stable' });
    const { url, pid } = server;
    await server.kill();
    await server.restart();
    expect(server.url).toBe(url);
    expect(server.pid).not.toBe(pid);
  });
});
