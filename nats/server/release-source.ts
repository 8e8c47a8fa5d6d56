// The step of the search that fetches the project's official release. The version and the checksum of each
// archive are fixed here, so that what runs is what was reviewed, wherever the bytes came from.
import { join } from 'node:path';
import type { BinaryCache } from './binary-cache.ts';
import type { Machine } from './machine.ts';
import { ChecksumMismatch } from './server-errors.ts';
import type { FoundServer, NothingFound, ServerSource } from './server-source.ts';
import { checkServerBinary } from './server-version.ts';
import { withTemporaryFolder } from './temporary-folder.ts';

const DEFAULT_BASE_URL = 'https://github.com/nats-io/nats-server/releases/download';
// Short: where the site cannot be reached, the distribution's package comes next.
const ANSWER_TIMEOUT_MS = 5_000;
const STALL_TIMEOUT_MS = 20_000;

/** A release and the sha256 (hex) of its archives, keyed `<platform>-<arch>` in Node's words. */
export interface PinnedRelease {
  readonly version: string;
  readonly sha256: Readonly<Record<string, string>>;
}

/** The release that is fetched; checksums as published in nats-io/nats-docker. */
export const PINNED_RELEASE: PinnedRelease = {
  version: '2.14.5',
  sha256: {
    'linux-x64': '5e3b603d47c447bda1f77f9ac16dbf91c90aac4ff3681f8fbbc7201e4ed99355',
    'linux-arm64': '673a98d3faa79dde3f9ebf16d6dfac36a5f694e7ad2015e4954dd7939c85cd4c',
  },
};

/**
 * Downloads, verifies and unpacks the official release into the cache. `TROUPE_NATS_NO_DOWNLOAD=1` forbids it;
 * `TROUPE_NATS_DOWNLOAD_URL` names a mirror laid out as the releases are (`<url>/v<version>/<archive>`).
 */
export class ReleaseSource implements ServerSource {
  readonly name: string;
  readonly remedy = 'allow access to the release, or name a mirror: TROUPE_NATS_DOWNLOAD_URL=https://…';
  readonly #machine: Machine;
  readonly #cache: BinaryCache;
  readonly #release: PinnedRelease;

  constructor(machine: Machine, cache: BinaryCache, release: PinnedRelease = PINNED_RELEASE) {
    this.#machine = machine;
    this.#cache = cache;
    this.#release = release;
    this.name = `official release ${release.version}`;
  }

  /** Throws the download's own error, or `ChecksumMismatch`. */
  async find(): Promise<FoundServer | NothingFound> {
    const { version, sha256 } = this.#release;
    const platform = `${this.#machine.platform}-${this.#machine.architecture}`;
    const expected = sha256[platform];
    if (expected === undefined) return { found: false, why: `no checksum is pinned for ${platform}` };
    if (this.#machine.environment('TROUPE_NATS_NO_DOWNLOAD') === '1') {
      return { found: false, why: 'forbidden by TROUPE_NATS_NO_DOWNLOAD=1' };
    }
    const base = this.#machine.environment('TROUPE_NATS_DOWNLOAD_URL') ?? DEFAULT_BASE_URL;
    const url = `${base.replace(/\/+$/, '')}/v${version}/${this.#folderName()}.tar.gz`;
    return await withTemporaryFolder(this.#machine, this.#cache.root, async (folder) => {
      return await this.#fetch(url, expected, folder);
    });
  }

  async #fetch(url: string, expected: string, work: string): Promise<FoundServer> {
    const archive = join(work, 'release.tar.gz');
    const limits = { answerTimeoutMs: ANSWER_TIMEOUT_MS, stallTimeoutMs: STALL_TIMEOUT_MS };
    const actual = await this.#machine.download(url, archive, limits);
    if (actual !== expected) throw new ChecksumMismatch(url, expected, actual);
    const program = `${this.#folderName()}/nats-server`;
    const unpacked = await this.#machine.run('tar', ['-xzf', archive, '-C', work, program], {
      timeoutMs: 60_000,
    });
    if (unpacked.status !== 0) throw new Error(`tar could not unpack ${url}: ${unpacked.stderr.trim()}`);
    const check = await checkServerBinary(this.#machine, join(work, program));
    if (!check.usable) throw new Error(`the program in ${url} does not serve here: ${check.why}`);
    const origin = { from: 'release', onRequest: false } as const;
    const entry = await this.#cache.install(join(work, program), check.version, origin);
    return { found: true, binary: entry.binary, version: entry.version, detail: `fetched ${url}` };
  }

  #folderName(): string {
    const architecture = this.#machine.architecture === 'x64' ? 'amd64' : this.#machine.architecture;
    return `nats-server-v${this.#release.version}-${this.#machine.platform}-${architecture}`;
  }
}
