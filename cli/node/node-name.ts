// What a node is called when its configuration does not say.
import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import type { RandomSource } from '#runtime';
import type { LoadedConfig } from '../config/index.ts';

/**
 * The configured name, or the host's with a suffix. The laptop's own system has one node, whose suffix follows from
 * the data folder: started again after a crash, it finds its shards under its own name and waits for nobody's lease.
 */
export function nodeName(options: {
  readonly config: LoadedConfig;
  readonly server: 'embedded' | 'named';
  readonly random: RandomSource;
}): string {
  const { config, server, random } = options;
  if (config.config.node.name !== undefined) return config.config.node.name;
  const suffix =
    server === 'embedded'
      ? createHash('sha256').update(config.dataDir).digest('hex').slice(0, 4)
      : Math.floor(random.next() * 0x10000)
          .toString(16)
          .padStart(4, '0');
  return `${hostStem()}-${suffix}`;
}

/** The host's name as far as names of nodes may have it; `node` where it has none. */
export function hostStem(): string {
  const host = (hostname().split('.')[0] ?? '').replaceAll(/[^A-Za-z0-9_-]/g, '-');
  return host === '' ? 'node' : host;
}
