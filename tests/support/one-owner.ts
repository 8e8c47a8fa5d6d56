// A directory for tests that have no cluster: one node owns every shard, under the epoch that its journal says.
import type { IndexPeers, ShardDirectory } from '#actors';

/** Directory and peers of a node that is alone. */
export function oneOwner(epochOf: (shard: number) => number): {
  readonly directory: ShardDirectory;
  readonly peers: IndexPeers;
} {
  const node = 'only';
  return {
    directory: {
      node,
      route: (shard) => ({ node, epoch: epochOf(shard) }),
      holds: () => true,
      refresh: () => Promise.resolve(),
      moved: (_, signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve(), { once: true });
        }),
    },
    peers: { ask: (other) => Promise.reject(new Error(`there is no node ${other}`)) },
  };
}
