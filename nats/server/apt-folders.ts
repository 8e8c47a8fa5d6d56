// A private set of apt's folders within one temporary folder, so that a package can be fetched by any user
// without touching, or needing, the machine's own lists, cache and state.
import { join } from 'node:path';
import type { Machine } from './machine.ts';

const UPDATE_TIMEOUT_MS = 180_000;
const DOWNLOAD_TIMEOUT_MS = 120_000;

/** Where to fetch from and which keyring must have signed it. */
export interface AptOrigin {
  readonly url: string;
  readonly suite: string;
  readonly component: string;
  readonly keyring: string;
}

/** apt with folders of its own under `root`, which the caller made and removes. */
export class AptFolders {
  readonly #machine: Machine;
  readonly #root: string;

  constructor(machine: Machine, root: string) {
    this.#machine = machine;
    this.#root = root;
  }

  /** Fetches the origin's index and one package from it; resolves to the package file. Throws what apt said. */
  async download(packageName: string, origin: AptOrigin): Promise<string> {
    await this.#prepare(origin);
    await this.#apt(['update'], UPDATE_TIMEOUT_MS);
    const [file] = await this.#download([packageName]);
    if (file === undefined) throw new Error(`apt-get download ${packageName} left no package`);
    return file;
  }

  /** As `download`, with those of the packages that it depends on which this machine lacks; the package files. */
  async downloadWithMissing(packageName: string, origin: AptOrigin): Promise<readonly string[]> {
    await this.#prepare(origin);
    await this.#apt(['update'], UPDATE_TIMEOUT_MS);
    const installed = ['-o', 'Dir::State::status=/var/lib/dpkg/status'];
    const install = ['--simulate', '--no-install-recommends', 'install', packageName];
    const packages = packagesIn(await this.#apt([...installed, ...install], UPDATE_TIMEOUT_MS));
    if (packages.length === 0) throw new Error(`apt-get install ${packageName} names no package`);
    return await this.#download(packages);
  }

  async #download(packages: readonly string[]): Promise<readonly string[]> {
    await this.#apt(['download', ...packages], DOWNLOAD_TIMEOUT_MS);
    const archives = join(this.#root, 'archives');
    const names = await this.#machine.list(archives);
    return names.filter((name) => name.endsWith('.deb')).map((name) => join(archives, name));
  }

  async #prepare(origin: AptOrigin): Promise<void> {
    for (const folder of ['lists/partial', 'cache/archives/partial', 'archives']) {
      await this.#machine.makeDirectory(join(this.#root, folder));
    }
    const { url, suite, component, keyring } = origin;
    await this.#machine.writeText(join(this.#root, 'status'), '');
    await this.#machine.writeText(
      join(this.#root, 'sources.list'),
      `deb [signed-by=${keyring}] ${url} ${suite} ${component}\n`,
    );
    await this.#machine.writeText(join(this.#root, 'apt.conf'), aptConfiguration(this.#root));
  }

  async #apt(args: readonly string[], timeoutMs: number): Promise<string> {
    const settings = { timeoutMs, workingDirectory: join(this.#root, 'archives') };
    const result = await this.#machine.run(
      'apt-get',
      ['-c', join(this.#root, 'apt.conf'), ...args],
      settings,
    );
    if (result.status === 0) return result.stdout;
    const complaint = result.stderr.split('\n').find((line) => line.startsWith('E:')) ?? result.stderr.trim();
    throw new Error(`apt-get ${args.join(' ')}: ${complaint || `status ${result.status}`}`);
  }
}

/** The packages that apt would install, in the words of `apt-get --simulate install`. */
export function packagesIn(simulation: string): readonly string[] {
  return [...simulation.matchAll(/^Inst (\S+) /gm)].map(([, name = '']) => name);
}

/** Read after the machine's own configuration, whose proxies and credentials therefore still count. */
function aptConfiguration(root: string): string {
  return [
    `Dir::State "${root}";`,
    `Dir::State::lists "${join(root, 'lists')}";`,
    `Dir::State::status "${join(root, 'status')}";`,
    `Dir::Cache "${join(root, 'cache')}";`,
    `Dir::Etc::sourcelist "${join(root, 'sources.list')}";`,
    'Dir::Etc::sourceparts "/dev/null";',
    'Dir::Etc::preferences "/dev/null";',
    'Dir::Etc::preferencesparts "/dev/null";',
    'Acquire::Languages "none";',
    'Acquire::Retries "1";',
    'Acquire::http::Timeout "15";',
    'Acquire::https::Timeout "15";',
    // Errors of the network must count: by default `update` warns and goes on with nothing.
    'APT::Update::Error-Mode "any";',
    // The machine's hooks tidy the machine's own folders, which are none of ours.
    '#clear APT::Update::Pre-Invoke;',
    '#clear APT::Update::Post-Invoke;',
    '#clear APT::Update::Post-Invoke-Success;',
    '',
  ].join('\n');
}
