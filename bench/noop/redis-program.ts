// Finds a redis-server: one that is installed, one that was fetched earlier, or the distribution's own package, taken
// apart without root as nats-server's is, with those libraries that this machine lacks.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AptFolders } from '../../nats/server/apt-folders.ts';
import { archivesIn, INDEX_TARGETS_COMMAND, readDistribution } from '../../nats/server/distribution.ts';
import { LocalMachine } from '../../nats/server/local-machine.ts';
import type { Machine } from '../../nats/server/machine.ts';
import { withTemporaryFolder } from '../../nats/server/temporary-folder.ts';

/** A redis-server that runs here. */
export interface RedisProgram {
  readonly program: string;
  /** What it needs to find its libraries. */
  readonly env: Readonly<Record<string, string>>;
  readonly version: string;
}

/** Or why there is none. */
export interface NoRedis {
  readonly why: string;
}

/** Resolves to a program that was seen running, or to why none can be had; never rejects. */
export async function findRedis(): Promise<RedisProgram | NoRedis> {
  const machine = new LocalMachine();
  const installed = await checked(machine, { program: 'redis-server', env: {} });
  if (installed !== undefined) return installed;
  const base = machine.environment('XDG_CACHE_HOME') ?? join(machine.homeDirectory, '.cache');
  const cache = join(base, 'troupe', 'redis', machine.architecture);
  const cached = await checked(machine, await unpackedIn(cache));
  if (cached !== undefined) return cached;
  try {
    await fetchInto(machine, cache);
  } catch (error) {
    return { why: error instanceof Error ? error.message : String(error) };
  }
  const fetched = await checked(machine, await unpackedIn(cache));
  return fetched ?? { why: `the redis-server that was unpacked to ${cache} does not run here` };
}

async function fetchInto(machine: Machine, cache: string): Promise<void> {
  const distribution = await readDistribution(machine);
  if (distribution === undefined) throw new Error('this machine is neither Debian nor Ubuntu');
  const targets = await machine.run('apt-get', INDEX_TARGETS_COMMAND);
  if (targets.status !== 0) throw new Error(`apt-get does not run here: ${targets.stderr.trim()}`);
  const archives = archivesIn(targets.stdout, distribution);
  if (archives.length === 0) throw new Error(`the apt sources name no archive of ${distribution.suite}`);
  const complaints: string[] = [];
  for (const { url, suite } of archives) {
    const { component, keyring } = distribution;
    try {
      await withTemporaryFolder(machine, machine.temporaryDirectory, async (folder) => {
        const apt = new AptFolders(machine, folder);
        const files = await apt.downloadWithMissing('redis-server', { url, suite, component, keyring });
        await unpack(machine, files, cache);
      });
      return;
    } catch (error) {
      complaints.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new Error(complaints.join('; '));
}

/** All or nothing: another process may look for it meanwhile. */
async function unpack(machine: Machine, files: readonly string[], cache: string): Promise<void> {
  await withTemporaryFolder(machine, join(cache, '..'), async (folder) => {
    for (const file of files) {
      const unpacked = await machine.run('dpkg', ['-x', file, folder], { timeoutMs: 60_000 });
      if (unpacked.status !== 0) throw new Error(`dpkg -x: ${unpacked.stderr.trim()}`);
    }
    if (await machine.rename(folder, cache)) return;
    await machine.remove(cache);
    await machine.rename(folder, cache);
  });
}

async function unpackedIn(folder: string): Promise<Omit<RedisProgram, 'version'>> {
  const libraries = join(folder, 'usr', 'lib');
  const places = await readdir(libraries).catch(() => []);
  return {
    program: join(folder, 'usr', 'bin', 'redis-server'),
    env: {
      LD_LIBRARY_PATH: [libraries, ...places.map((name) => join(libraries, name))].join(':'),
    },
  };
}

async function checked(
  machine: Machine,
  found: Omit<RedisProgram, 'version'>,
): Promise<RedisProgram | undefined> {
  const env = Object.entries(found.env).map(([name, value]) => `${name}=${value}`);
  const { status, stdout } = await machine.run('env', [...env, found.program, '--version']);
  const version = /\bv=(\S+)/.exec(stdout)?.[1];
  return status === 0 && version !== undefined ? { ...found, version } : undefined;
}
