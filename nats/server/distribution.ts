// What is known of the Linux distributions whose nats-server package can be had without being root, and how the
// machine's own package sources tell which mirror to ask. No mirror is written down anywhere.
import type { Machine } from './machine.ts';

/** A distribution that packages nats-server. */
export interface Distribution {
  /** `ID` in /etc/os-release. */
  readonly id: string;
  /** The suite this machine runs: `VERSION_CODENAME` in /etc/os-release. */
  readonly suite: string;
  /** A suite with newer packages that run here, if the distribution has one. */
  readonly newerSuite: string | undefined;
  readonly component: string;
  /** The installed keyring that signs the archive. */
  readonly keyring: string;
}

/** One archive that the machine's own sources name. */
export interface Archive {
  readonly url: string;
  /** The machine's own suite as these sources call it: its code name, or `stable`, `testing`, … */
  readonly suite: string;
}

const KNOWN = [
  {
    id: 'debian',
    newerSuite: 'testing',
    component: 'main',
    keyring: '/usr/share/keyrings/debian-archive-keyring.gpg',
  },
  {
    id: 'ubuntu',
    newerSuite: undefined,
    component: 'universe',
    keyring: '/usr/share/keyrings/ubuntu-archive-keyring.gpg',
  },
] as const;

const SUITE_ALIASES: readonly string[] = ['stable', 'oldstable', 'testing', 'unstable', 'sid'];

/** Asks apt for the sources it is set up with, whether or not their lists were ever fetched. */
export const INDEX_TARGETS_COMMAND: readonly string[] = [
  'indextargets',
  // Otherwise only sources whose lists are on disk are shown, and a fresh machine has none.
  '--no-release-info',
  '--format',
  '$(REPO_URI) $(RELEASE) $(COMPONENT)',
  'Created-By: Packages',
];

/** The distribution of this machine; `undefined` when it is none of the known ones. */
export async function readDistribution(machine: Machine): Promise<Distribution | undefined> {
  const text = (await machine.readText('/etc/os-release')) ?? '';
  const id = osReleaseField(text, 'ID');
  const suite = osReleaseField(text, 'VERSION_CODENAME');
  const known = KNOWN.find((candidate) => candidate.id === id);
  return known === undefined || suite === undefined ? undefined : { ...known, suite };
}

/**
 * The archives in the answer to `INDEX_TARGETS_COMMAND` that may be the distribution's own, likeliest first.
 * Others that happen to use the same names are told apart later: the keyring does not sign them.
 */
export function archivesIn(answer: string, distribution: Distribution): readonly Archive[] {
  const archives = new Map<string, Archive>();
  for (const line of answer.split('\n')) {
    const [url, suite, component] = line.trim().split(' ');
    if (url === undefined || suite === undefined || component !== distribution.component) continue;
    if (suite !== distribution.suite && !SUITE_ALIASES.includes(suite)) continue;
    if (!archives.has(url) || suite === distribution.suite) archives.set(url, { url, suite });
  }
  const foreign = (archive: Archive): number => (archive.suite === distribution.suite ? 0 : 1);
  return [...archives.values()].sort((a, b) => foreign(a) - foreign(b));
}

function osReleaseField(text: string, field: string): string | undefined {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${field}=`));
  const value = line?.slice(field.length + 1).replace(/^["']|["']$/g, '');
  return value === '' ? undefined : value;
}
