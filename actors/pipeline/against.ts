// Holds contents against the indexes of other datasets, without becoming part of them (DESIGN section 7): what a pair
// means is decided at the cut, as for the dataset's own.
import type { CandidatePair } from '../dedup/claim.ts';
import type { IndexCallOptions } from '../dedup/index-client.ts';
import type { ContentKeys } from '../dedup/index-spec.ts';
import { comparesVectors, isRecorded } from '../dedup/relation.ts';
import type { ContentFacts, Edge } from '../kinds/kind.ts';
import type { ContentLoader } from './content-loader.ts';
import type { DatasetPorts } from './dataset-ports.ts';
import { measuredEdge } from './measured-edge.ts';

/** Another dataset as it is asked. */
export interface AgainstDataset {
  readonly dataset: string;
  /** Whether it has a content of the very same bytes. */
  has(content: string): Promise<boolean>;
  /**
   * Pairs of these contents with its own, in no particular order.
   * @throws PassingFailure `shard_unavailable`, also when there is no such dataset
   */
  query(contents: readonly ContentKeys[], options: IndexCallOptions): Promise<readonly CandidatePair[]>;
  /** Undefined where it is gone. */
  proxy(content: string): Promise<Uint8Array | undefined>;
  /** Undefined where it is gone, or where the model of that dataset is another one. */
  vector(content: string): Promise<Float32Array | undefined>;
}

/** Verification of contents that are equal. */
const EXACT = 'sha256';

/** What contents have in common with other datasets. */
export async function edgesAgainst(
  ports: Pick<DatasetPorts, 'against' | 'config' | 'kind'>,
  contents: readonly ContentFacts[],
  claimed: readonly ContentKeys[],
  load: ContentLoader,
  options: IndexCallOptions,
): Promise<readonly Edge[]> {
  const edges: Edge[] = [];
  const own = new Set(claimed.map(({ content }) => content));
  for (const other of ports.against ?? []) {
    const present = await Promise.all(
      [...new Set(contents.map(({ content }) => content))].map(
        async (content) => (await other.has(content)) && content,
      ),
    );
    for (const content of present) if (content !== false) edges.push(exactEdge(other.dataset, content));
    for (const pair of await other.query(claimed, options)) {
      const edge = await measure(ports, other, pair, own, load);
      if (edge !== undefined && isRecorded(edge, ports.config.dedup)) edges.push(edge);
    }
  }
  return edges;
}

function exactEdge(dataset: string, content: string): Edge {
  return {
    a: content,
    b: content,
    hashes: {},
    distance: 0,
    algorithm: EXACT,
    similarity: null,
    against: dataset,
  };
}

/** Undefined where the other content is gone. */
async function measure(
  { kind, config }: Pick<DatasetPorts, 'config' | 'kind'>,
  other: AgainstDataset,
  pair: CandidatePair,
  own: ReadonlySet<string>,
  load: ContentLoader,
): Promise<Edge | undefined> {
  const { a, b } = pair;
  const [mine, theirs] = own.has(a) ? [a, b] : [b, a];
  const [proxy, theirProxy] = await Promise.all([load.proxy(mine), other.proxy(theirs)]);
  if (theirProxy === undefined) return undefined;
  const [proxyA, proxyB] = mine === a ? [proxy, theirProxy] : [theirProxy, proxy];
  const comparison = kind.verify(pair, proxyA, proxyB);
  const theirVector = comparesVectors(config.dedup) ? await other.vector(theirs) : undefined;
  // The cosine of two vectors is the same either way.
  const vectors = theirVector && ([await load.vector(mine), theirVector] as const);
  return { ...measuredEdge(pair, comparison, vectors), against: other.dataset };
}
