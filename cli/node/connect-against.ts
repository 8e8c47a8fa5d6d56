// Connects the datasets that another one is held against: their index is asked over NATS, on whichever nodes it is, also
// on this one.
import type { DependencyContainer } from 'tsyringe';
import {
  type AgainstDataset,
  blobKeys,
  decodeVector,
  IndexClient,
  type IndexPeers,
  imageKind,
  inversesOf,
  LocalIndex,
  type ModelIdentity,
  PassingFailure,
  type ShardDirectory,
  shardNumbers,
  vectorKey,
} from '#actors';
import { datasetBlobs, datasetVectors } from './dataset-blobs.ts';
import type { DatasetRecord } from './dataset-registry.ts';
import { modelContext, resolveModel } from './resolve-model.ts';
import { TOKENS } from './tokens.ts';

export interface AgainstOptions {
  readonly dataset: string;
  /** Undefined where there is no such dataset. */
  readonly record: DatasetRecord | undefined;
  /** The model of the dataset that is held against it. */
  readonly model: ModelIdentity;
  readonly directory: ShardDirectory;
  readonly peers: IndexPeers;
}

export async function connectAgainst(
  node: DependencyContainer,
  { dataset, record, model, directory, peers }: AgainstOptions,
): Promise<AgainstDataset> {
  if (record === undefined) return absent(dataset);
  const [link, names, clock] = [
    node.resolve(TOKENS.link),
    node.resolve(TOKENS.names),
    node.resolve(TOKENS.clock),
  ];
  const { config, generation } = record;
  const theirs = await resolveModel(
    modelContext(node),
    { path: `datasets.${dataset}.model`, dataset },
    config.model,
  );
  const maker = { model, kind: imageKind };
  const sameVectors = vectorKey({ model: theirs, kind: imageKind }, '') === vectorKey(maker, '');
  const spec = imageKind.indexes(config.dedup, theirs.dimension);
  const blobs = datasetBlobs(link, names, dataset);
  const vectors = datasetVectors(link, names, dataset);
  const index = new IndexClient({
    shards: shardNumbers(generation, config),
    inverses: inversesOf(spec),
    // No shard is this process's: those of this node are asked as those of any other.
    directory: { ...directory, node: '' },
    local: new LocalIndex({
      shard: (shard) => {
        throw new RangeError(`shard ${shard} of ${dataset} is asked over NATS`);
      },
      holds: () => false,
    }),
    peers,
    clock,
  });
  return {
    dataset,
    has: (content) => blobs.has(blobKeys.proxy(content)),
    query: (contents, options) =>
      contents.length === 0
        ? Promise.resolve([])
        : index.query(
            contents.map(({ vector, ...keys }) => ({
              ...keys,
              ...(vector !== undefined && sameVectors && { vector }),
            })),
            options,
          ),
    proxy: (content) => blobs.get(blobKeys.proxy(content)),
    vector: async (content) => {
      const bytes = sameVectors ? await vectors.get(vectorKey(maker, content)) : undefined;
      return bytes && decodeVector(bytes, model.precision);
    },
  };
}

/** What is held against it waits until it is there, or until the setting is changed. */
function absent(dataset: string): AgainstDataset {
  const message = `dedup.against names the dataset ${dataset}, which does not exist`;
  const wait = () =>
    Promise.reject(new PassingFailure('shard_unavailable', message, { failureClass: 'recoverable' }));
  return { dataset, has: wait, query: wait, proxy: wait, vector: wait };
}
