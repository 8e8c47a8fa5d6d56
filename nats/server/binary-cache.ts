// The user's own store of fetched nats-server programs, one folder a version, shared by all projects and tests.
// An entry appears whole or not at all: it is built beside its place and renamed into it.
import { join } from 'node:path';
import { z } from 'zod';
import type { Machine } from './machine.ts';
import { checkServerBinary, compareVersions } from './server-version.ts';
import { withTemporaryFolder } from './temporary-folder.ts';

const originSchema = z.object({
  /** Which kind of step put it here. */
  from: z.enum(['release', 'newer suite', 'own suite']),
  /** The distribution's suite, for packages. */
  suite: z.string().optional(),
  /** Fetched because this origin was asked for by name, not because it was the best to be had. */
  onRequest: z.boolean(),
});

/** How an entry came into the cache. */
export type CacheOrigin = z.infer<typeof originSchema>;

/** A cached program. */
export interface CachedServer {
  readonly binary: string;
  readonly version: string;
  readonly origin: CacheOrigin;
}

/** `${XDG_CACHE_HOME:-~/.cache}/troupe/nats-server/<version>-<platform>-<arch>/nats-server`. */
export class BinaryCache {
  readonly #machine: Machine;
  readonly root: string;

  constructor(machine: Machine) {
    this.#machine = machine;
    const base = machine.environment('XDG_CACHE_HOME') ?? join(machine.homeDirectory, '.cache');
    this.root = join(base, 'troupe', 'nats-server');
  }

  /** The newest entry that `accepts` lets pass and that still runs here; `undefined` when there is none. */
  async newest(accepts: (origin: CacheOrigin) => boolean): Promise<CachedServer | undefined> {
    const entries = await this.#entries();
    for (const entry of entries.filter((candidate) => accepts(candidate.origin))) {
      const check = await checkServerBinary(this.#machine, entry.binary);
      if (check.usable && check.version === entry.version) return entry;
    }
    return undefined;
  }

  /**
   * Takes a program into the cache. When the version is there already, from another process or another
   * origin, that one stays if it runs, and is replaced if it does not.
   */
  async install(program: string, version: string, origin: CacheOrigin): Promise<CachedServer> {
    const place = join(this.root, this.#folderName(version));
    const entry = { binary: join(place, 'nats-server'), version, origin };
    return await withTemporaryFolder(this.#machine, this.root, async (staging) => {
      await this.#machine.copyExecutable(program, join(staging, 'nats-server'));
      await this.#machine.writeText(join(staging, 'origin.json'), `${JSON.stringify(origin)}\n`);
      if (await this.#machine.rename(staging, place)) return entry;
      const present = await checkServerBinary(this.#machine, entry.binary);
      if (!present.usable) {
        await this.#machine.remove(place);
        await this.#machine.rename(staging, place);
      }
      return entry;
    });
  }

  /** Lets an entry that was fetched on request serve everybody from now on. */
  async promote(entry: CachedServer): Promise<void> {
    const origin: CacheOrigin = { ...entry.origin, onRequest: false };
    const path = join(this.root, this.#folderName(entry.version), 'origin.json');
    await this.#machine.writeText(path, `${JSON.stringify(origin)}\n`);
  }

  async #entries(): Promise<readonly CachedServer[]> {
    const suffix = this.#folderName('');
    const entries: CachedServer[] = [];
    for (const name of await this.#machine.list(this.root)) {
      if (name.startsWith('.') || !name.endsWith(suffix)) continue;
      const origin = await this.#originOf(name);
      if (origin === undefined) continue;
      const version = name.slice(0, -suffix.length);
      entries.push({ binary: join(this.root, name, 'nats-server'), version, origin });
    }
    return entries.sort((a, b) => compareVersions(b.version, a.version));
  }

  async #originOf(name: string): Promise<CacheOrigin | undefined> {
    const text = await this.#machine.readText(join(this.root, name, 'origin.json'));
    if (text === undefined) return undefined;
    try {
      return originSchema.parse(JSON.parse(text));
    } catch {
      // An entry that this version cannot read is as good as absent: it is fetched again.
      return undefined;
    }
  }

  #folderName(version: string): string {
    return `${version}-${this.#machine.platform}-${this.#machine.architecture}`;
  }
}
