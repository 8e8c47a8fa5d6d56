// Encryption at rest by JetStream's own option: what is stored is on no disk in plain text, and nothing is started without
// the key of a store.
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EmbeddedServer, type EmbeddedServerOptions, ensureStream, messageAt, NatsLink } from '#nats';
import { silentLogger } from '#runtime';
import { readStoreKey } from '../../cli/node/store-key.ts';
import { availableServerVersions } from '../support/nats-server.ts';
import { text } from './nats-harness.ts';

const PLAIN = 'a content that nobody may read from the disk';
const KEY = 'MTIzNDU2Nzg5MGFiY2RlZmdoaWprbG1ub3BxcnN0dXY=';

for (const { version, binary } of await availableServerVersions()) {
  describe(`an encrypted store, on nats-server ${version}`, () => {
    let dataDir: string;
    beforeEach(async () => {
      dataDir = await mkdtemp(join(tmpdir(), 'troupe-encrypted-'));
    });
    afterEach(() => rm(dataDir, { recursive: true, force: true }));

    const start = (options: Partial<EmbeddedServerOptions> = {}) =>
      EmbeddedServer.ensure({
        dataDir,
        log: silentLogger,
        resolve: async () => ({ binary, version, origin: 'test' }),
        ...options,
      });

    it('has nothing in plain text, and neither has any file beside it the key', async () => {
      {
        await using server = await start({ storeKey: KEY });
        await store(server);
      }
      expect(await filesWith(dataDir, PLAIN)).toEqual([]);
      expect(await filesWith(dataDir, KEY)).toEqual([]);
      await using again = await start({ storeKey: KEY });
      expect(await stored(again)).toBe(PLAIN);
    });

    it('is not opened without its key, or with another one', async () => {
      {
        await using server = await start({ storeKey: KEY });
        await store(server);
      }
      await expect(start()).rejects.toThrow(/is encrypted: expected its key .*none was given/);
      await expect(start({ storeKey: 'another one' })).rejects.toThrow(/another one was given/);
      await using again = await start({ storeKey: KEY });
      expect(await stored(again)).toBe(PLAIN);
    });

    it('comes of a plain one at the first start with a key', async () => {
      {
        await using server = await start();
        await store(server);
      }
      expect(await filesWith(dataDir, PLAIN)).not.toEqual([]);
      {
        await using server = await start({ storeKey: KEY });
        expect(await stored(server)).toBe(PLAIN);
      }
      expect(await filesWith(dataDir, PLAIN)).toEqual([]);
    });
  });
}

async function connect(server: EmbeddedServer): Promise<NatsLink> {
  return NatsLink.connect({ servers: server.url, token: server.token, name: 'test' });
}

async function store(server: EmbeddedServer): Promise<void> {
  const link = await connect(server);
  await ensureStream(link, { name: 'KEPT', subjects: ['kept'], keep: 'all' });
  await link.publisher.publish({ subject: 'kept', data: new TextEncoder().encode(PLAIN) });
  await link.close();
}

async function stored(server: EmbeddedServer): Promise<string> {
  const link = await connect(server);
  const message = await messageAt(link, 'KEPT', 1);
  await link.close();
  return text(message?.data);
}

/** Files below a folder that hold a text. */
async function filesWith(folder: string, wanted: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    if ((await readFile(path)).includes(wanted)) found.push(path);
  }
  return found;
}

describe('the file with the key of a store', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'troupe-key-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('is read where only its owner may read it', async () => {
    const file = join(folder, 'key');
    await writeFile(file, `${KEY}\n`, { mode: 0o600 });
    expect(await readStoreKey(file)).toBe(KEY);
    await chmod(file, 0o640);
    await expect(readStoreKey(file)).rejects.toThrow(/only its owner may read, got .* with mode 640/);
  });

  it('is refused without telling what it holds when it is no key, and when it is absent', async () => {
    const file = join(folder, 'key');
    await expect(readStoreKey(file)).rejects.toThrow(/a readable file, got .*ENOENT/);
    await writeFile(file, 'too short', { mode: 0o600 });
    await expect(readStoreKey(file)).rejects.toThrow(/at least 16 characters/);
    await expect(readStoreKey(file)).rejects.not.toThrow(/too short/);
  });
});
