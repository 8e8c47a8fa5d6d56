// The step of the search that takes the distribution's own package apart, without root: apt fetches it into
// private folders and checks the archive's signature, dpkg unpacks it, the program goes into the cache.
import { join } from 'node:path';
import { AptFolders } from './apt-folders.ts';
import type { BinaryCache, CacheOrigin } from './binary-cache.ts';
import {
  type Archive,
  archivesIn,
  type Distribution,
  INDEX_TARGETS_COMMAND,
  readDistribution,
} from './distribution.ts';
import type { Machine } from './machine.ts';
import type { FoundServer, NothingFound, ServerSource } from './server-source.ts';
import { checkServerBinary } from './server-version.ts';
import { withTemporaryFolder } from './temporary-folder.ts';

/** Which suite to take the package from, and whether this suite was asked for by name. */
export interface AptSourceOptions {
  /** `newer`: the distribution's suite with newer packages (Debian's testing); `own`: the machine's own. */
  readonly suite: 'newer' | 'own';
  /** True keeps the fetched program from serving those who did not ask for this suite. */
  readonly onRequest: boolean;
}

/** The nats-server of a Debian or Ubuntu suite, from the mirror that the machine's own sources name. */
export class AptSource implements ServerSource {
  readonly name: string;
  readonly remedy: string;
  readonly #machine: Machine;
  readonly #cache: BinaryCache;
  readonly #options: AptSourceOptions;

  constructor(machine: Machine, cache: BinaryCache, options: AptSourceOptions) {
    this.#machine = machine;
    this.#cache = cache;
    this.#options = options;
    this.name = options.suite === 'newer' ? "Debian's testing package" : "the distribution's own package";
    this.remedy =
      'on Debian or Ubuntu: apt-get and dpkg, a reachable mirror in the apt sources, the archive keyring package';
  }

  /** Throws when apt or dpkg failed for every archive, with what each said. */
  async find(): Promise<FoundServer | NothingFound> {
    const distribution = await readDistribution(this.#machine);
    if (distribution === undefined) return { found: false, why: 'this machine is neither Debian nor Ubuntu' };
    const suite = this.#options.suite === 'own' ? distribution.suite : distribution.newerSuite;
    if (suite === undefined) return { found: false, why: `${distribution.id} has no suite for that` };
    const cached = await this.#cached(suite);
    if (cached !== undefined) return cached;
    for (const program of ['apt-get', 'dpkg']) {
      const answer = await this.#machine.run(program, ['--version']);
      if (answer.status !== 0) return { found: false, why: `${program} does not run here` };
    }
    const targets = await this.#machine.run('apt-get', INDEX_TARGETS_COMMAND);
    const archives = archivesIn(targets.stdout, distribution);
    if (archives.length === 0) {
      return {
        found: false,
        why: `the apt sources name no ${distribution.id} archive for ${distribution.suite}`,
      };
    }
    return await this.#fetchFromAny(archives, distribution, suite);
  }

  async #cached(suite: string): Promise<FoundServer | undefined> {
    const entry = await this.#cache.newest((origin) => origin.suite === suite);
    if (entry === undefined) return undefined;
    if (entry.origin.onRequest && !this.#options.onRequest) await this.#cache.promote(entry);
    return {
      found: true,
      binary: entry.binary,
      version: entry.version,
      detail: `${entry.binary} (fetched earlier)`,
    };
  }

  async #fetchFromAny(
    archives: readonly Archive[],
    distribution: Distribution,
    suite: string,
  ): Promise<FoundServer> {
    // Found out before anything is fetched for nothing.
    await this.#machine.makeDirectory(this.#cache.root);
    const complaints: string[] = [];
    for (const archive of archives) {
      try {
        // The machine's sources may call its own suite by another name (`stable`).
        const askFor = suite === distribution.suite ? archive.suite : suite;
        return await this.#fetch(archive, distribution, { askFor, suite });
      } catch (error) {
        complaints.push(error instanceof Error ? error.message : String(error));
      }
    }
    throw new Error(complaints.join('; '));
  }

  async #fetch(
    archive: Archive,
    distribution: Distribution,
    names: { readonly askFor: string; readonly suite: string },
  ): Promise<FoundServer> {
    const { component, keyring } = distribution;
    const origin = { url: archive.url, suite: names.askFor, component, keyring };
    // apt works outside of the user's home, where its own user could not look.
    return await withTemporaryFolder(this.#machine, this.#machine.temporaryDirectory, async (folder) => {
      const file = await new AptFolders(this.#machine, folder).download('nats-server', origin);
      return await this.#keep(file, names.suite);
    });
  }

  async #keep(file: string, suite: string): Promise<FoundServer> {
    return await withTemporaryFolder(this.#machine, this.#cache.root, async (folder) => {
      const unpacked = await this.#machine.run('dpkg', ['-x', file, folder], { timeoutMs: 60_000 });
      if (unpacked.status !== 0) throw new Error(`dpkg -x: ${unpacked.stderr.trim()}`);
      const program = await this.#programIn(folder);
      const check = await checkServerBinary(this.#machine, program);
      if (!check.usable) throw new Error(`the program of ${suite} does not serve here: ${check.why}`);
      const from = this.#options.suite === 'own' ? 'own suite' : 'newer suite';
      const origin: CacheOrigin = { from, suite, onRequest: this.#options.onRequest };
      const { binary, version } = await this.#cache.install(program, check.version, origin);
      return { found: true, binary, version, detail: `unpacked from ${suite}` };
    });
  }

  async #programIn(folder: string): Promise<string> {
    for (const place of ['usr/sbin', 'usr/bin']) {
      const program = join(folder, place, 'nats-server');
      if (await this.#machine.isExecutable(program)) return program;
    }
    throw new Error('the package holds no nats-server program');
  }
}
