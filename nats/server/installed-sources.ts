// The steps of the search that use what is on the machine already: the program a person names, the one on PATH,
// and the ones fetched earlier.
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import type { BinaryCache, CacheOrigin } from './binary-cache.ts';
import type { Machine } from './machine.ts';
import { NatsServerUnusable } from './server-errors.ts';
import type { FoundServer, NothingFound, ServerSource } from './server-source.ts';
import { checkServerBinary } from './server-version.ts';

/** The program that the environment variable `NATS_SERVER_BIN` names; when set it must serve. */
export class NamedBinarySource implements ServerSource {
  readonly name = 'NATS_SERVER_BIN';
  readonly remedy = 'set NATS_SERVER_BIN=/path/to/nats-server';
  readonly #machine: Machine;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** Throws `NatsServerUnusable` when the variable is set and its program does not serve. */
  async find(): Promise<FoundServer | NothingFound> {
    const named = this.#machine.environment('NATS_SERVER_BIN');
    if (named === undefined) return { found: false, why: 'not set' };
    const binary = resolve(named);
    if (!(await this.#machine.isExecutable(binary))) {
      throw new NatsServerUnusable(named, 'there is no executable file of that name');
    }
    const check = await checkServerBinary(this.#machine, binary);
    if (!check.usable) throw new NatsServerUnusable(named, check.why);
    return { found: true, binary, version: check.version, detail: binary };
  }
}

/** `nats-server` in one of the folders of `PATH`; ones that do not serve are passed over. */
export class PathSource implements ServerSource {
  readonly name = 'nats-server on PATH';
  readonly remedy: string;
  readonly #machine: Machine;

  constructor(machine: Machine) {
    this.#machine = machine;
    this.remedy =
      machine.platform === 'darwin'
        ? 'brew install nats-server'
        : 'install it: apt-get install nats-server (Debian, Ubuntu), brew install nats-server (macOS)';
  }

  async find(): Promise<FoundServer | NothingFound> {
    const reasons: string[] = [];
    for (const folder of (this.#machine.environment('PATH') ?? '').split(delimiter)) {
      // A relative entry would make the answer depend on the current folder.
      if (!isAbsolute(folder)) continue;
      const binary = join(folder, 'nats-server');
      if (!(await this.#machine.isExecutable(binary))) continue;
      const check = await checkServerBinary(this.#machine, binary);
      if (check.usable) return { found: true, binary, version: check.version, detail: binary };
      reasons.push(`${binary}: ${check.why}`);
    }
    return { found: false, why: reasons.length === 0 ? 'not there' : reasons.join('; ') };
  }
}

/** What was fetched earlier. */
export class CacheSource implements ServerSource {
  readonly name = 'cache';
  readonly remedy: string;
  readonly #cache: BinaryCache;
  readonly #accepts: (origin: CacheOrigin) => boolean;

  constructor(cache: BinaryCache, accepts: (origin: CacheOrigin) => boolean) {
    this.#cache = cache;
    this.#accepts = accepts;
    this.remedy = 'filled by the next steps; XDG_CACHE_HOME moves it to a folder that can be written';
  }

  async find(): Promise<FoundServer | NothingFound> {
    const entry = await this.#cache.newest(this.#accepts);
    if (entry === undefined) return { found: false, why: `nothing suitable in ${this.#cache.root}` };
    return { found: true, binary: entry.binary, version: entry.version, detail: entry.binary };
  }
}
