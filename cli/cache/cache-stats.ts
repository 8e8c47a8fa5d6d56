// What the shared cache of vectors holds, by model, and where the vectors of running nodes came from since they started.
import { z } from 'zod';
import { EMBED_CAUSES, encodedBytes, parseGroup, VECTOR_CAUSES, type VectorPrecision } from '#actors';
import { SharedCache, statsOf } from '#nats';
import type { LoadedConfig } from '../config/index.ts';
import type { ClientSystem } from '../node/client-system.ts';
import { clusterStatus, readCluster } from '../node/cluster-status.ts';
import { type ModelStanding, modelStandingSchema } from '../node/model-standing.ts';
import { ModelNames } from './model-names.ts';

/** Time for nodes to answer; less is needed when every node that renews its lease has. */
const GATHER_MS = 1_500;

/** Where vectors may come from, for datasets and for requests of others. */
export const CAUSES = ['memory', 'stored', 'shared', 'flight', 'inference'] as const;
export type Cause = (typeof CAUSES)[number];

/** The vectors of one making. */
export interface CachedModel {
  /** Names of the model, or its digest. */
  readonly names: readonly string[];
  readonly digest: string;
  readonly kind: string;
  readonly precision: VectorPrecision;
  readonly dimension: number;
  readonly entries: number;
  /** Of the vectors alone, without what storing them takes beside. */
  readonly vectorBytes: number;
}

/** What one part of a node has counted. */
export interface NodeVectors {
  readonly node: string;
  readonly since: string;
  /** A dataset, or the model for requests of others. */
  readonly of: { readonly dataset: string } | { readonly model: string };
  /** Only causes that there are for it. */
  readonly counts: Readonly<Partial<Record<Cause, number>>>;
}

export interface CacheStats {
  readonly entries: number;
  /** As stored, with names and everything. */
  readonly bytes: number;
  readonly maxBytes: number;
  readonly models: readonly CachedModel[];
  /** Of nodes that answer. */
  readonly vectors: readonly NodeVectors[];
}

/** A node as it answers, with what the cache is about. */
export interface AnsweringNode {
  readonly vectors: readonly NodeVectors[];
  readonly models: readonly ModelStanding[];
}

const nodeSchema = z.object({
  node: z.string(),
  embedding: z
    .record(
      z.string(),
      z.object({
        vectors: z.record(z.enum(VECTOR_CAUSES), z.number()).exactOptional(),
        model: modelStandingSchema.exactOptional(),
      }),
    )
    .default({}),
  datasets: z.array(
    z.object({
      name: z.string(),
      vectors: z.record(z.enum(EMBED_CAUSES), z.number()).exactOptional(),
      model: modelStandingSchema.exactOptional(),
    }),
  ),
});

export async function readCacheStats(system: ClientSystem, loaded: LoadedConfig): Promise<CacheStats> {
  const { link, names } = system;
  const { groups, ...held } = await new SharedCache(link, names.records.cache).standing();
  const nodes = await answeringNodes(system);
  const running = nodes.flatMap(({ models }) => models);
  const modelNames = await ModelNames.read(system, loaded, running);
  const models = [...groups].map(([group, entries]) => cachedModel(group, entries, modelNames));
  models.sort((one, other) => other.entries - one.entries);
  return { ...held, models, vectors: nodes.flatMap(({ vectors }) => vectors) };
}

/** What the nodes that answer tell. */
export async function answeringNodes(system: ClientSystem): Promise<readonly AnsweringNode[]> {
  const { members } = clusterStatus(await readCluster(system));
  const expected = Math.max(1, members.filter(({ state }) => state === 'active').length);
  const answers = await statsOf(system.link, system.names.service, GATHER_MS, expected);
  return answers.flatMap(({ started, data }) => {
    const parsed = nodeSchema.safeParse(data);
    if (!parsed.success) return [];
    const { node, embedding, datasets } = parsed.data;
    const served = Object.entries(embedding);
    return [
      {
        vectors: [
          ...datasets.flatMap(({ name, vectors: counts }) =>
            counts === undefined ? [] : [{ node, since: started, of: { dataset: name }, counts }],
          ),
          ...served.flatMap(([model, { vectors: counts }]) =>
            counts === undefined ? [] : [{ node, since: started, of: { model }, counts }],
          ),
        ],
        models: [...datasets, ...served.map(([, each]) => each)].flatMap(({ model }) => model ?? []),
      },
    ];
  });
}

function cachedModel(group: string, entries: number, names: ModelNames): CachedModel {
  const { digest, kind, precision, dimension } = parseGroup(group);
  return {
    names: names.of(group),
    digest,
    kind,
    precision,
    dimension,
    entries,
    vectorBytes: entries * encodedBytes(dimension, precision),
  };
}
