// The datasets of a system as recorded in its datasets bucket: where `up` writes what troupe.yaml says, where
// `dataset create` adds others, and where every node and command reads them.
import { z } from 'zod';
import {
  canonicalJson,
  type DatasetConfig,
  datasetConfigSchema,
  FIRST_GENERATION,
  needsReplay,
  shardNumbers,
} from '#actors';
import { type NatsLink, NatsRecords, type SystemNames } from '#nats';
import type { RecordStore } from '#runtime';

const generationSchema = z.object({
  /** Of the index; 1 for the first. */
  number: z.int().positive(),
  /** Number of its first shard. */
  base: z.int().nonnegative(),
});

const recordSchema = z.object({
  /** `file`: from a node's troupe.yaml, which rules; `command`: made by `dataset create`. */
  origin: z.enum(['file', 'command']),
  config: datasetConfigSchema,
  generation: generationSchema.default(FIRST_GENERATION),
  /** What the dataset will be once its contents are compared anew, in a generation of its own. */
  replay: z.object({ config: datasetConfigSchema, generation: generationSchema }).optional(),
  /** The highest numbers that generations and shards ever had, so that none is used again. */
  used: z.object({ generations: z.int(), shards: z.int() }).optional(),
});

/** A dataset as recorded. */
export type DatasetRecord = z.infer<typeof recordSchema>;

/** What became of a wish for another configuration. */
export type PutResult =
  /** It is in force, or will be when the nodes have followed. */
  | 'changed'
  | 'unchanged'
  /** It will be once the contents are compared anew. */
  | 'replays';

/** Numbers of all index shards of a dataset, of both generations where there are two. */
export function recordedShards({
  config,
  generation,
  replay,
}: Pick<DatasetRecord, 'config' | 'generation' | 'replay'>): readonly number[] {
  const next = replay === undefined ? [] : shardNumbers(replay.generation, replay.config);
  return [...shardNumbers(generation, config), ...next];
}

/** The record that a wish for another configuration leads to. */
export function withConfig(
  record: DatasetRecord | undefined,
  origin: DatasetRecord['origin'],
  config: DatasetConfig,
): DatasetRecord {
  if (record === undefined) return { origin, config, generation: FIRST_GENERATION };
  const { replay: _, ...kept } = record;
  if (!needsReplay(record.config, config)) return { ...kept, origin, config };
  if (record.replay !== undefined && !needsReplay(record.replay.config, config)) {
    return { ...record, origin, replay: { ...record.replay, config } };
  }
  const used = record.used ?? {
    generations: record.generation.number,
    shards: record.generation.base + record.config.shards,
  };
  return {
    ...kept,
    origin,
    replay: { config, generation: { number: used.generations + 1, base: used.shards } },
    used: { generations: used.generations + 1, shards: used.shards + config.shards },
  };
}

export class DatasetRegistry {
  readonly #records: RecordStore;

  constructor(records: RecordStore) {
    this.#records = records;
  }

  /** The registry of a system. */
  static of(link: NatsLink, names: SystemNames): DatasetRegistry {
    return new DatasetRegistry(new NatsRecords(link, names.records.datasets));
  }

  async get(dataset: string): Promise<DatasetRecord | undefined> {
    const record = await this.#records.get(dataset);
    return record && recordSchema.parse(JSON.parse(Buffer.from(record.value).toString()));
  }

  /** All datasets by name, sorted. */
  async list(): Promise<ReadonlyMap<string, DatasetRecord>> {
    const found = new Map<string, DatasetRecord>();
    for (const dataset of [...(await this.#records.keys())].sort()) {
      const record = await this.get(dataset);
      if (record !== undefined) found.set(dataset, record);
    }
    return found;
  }

  /**
   * Records a dataset, over what was recorded before. A change that its index does not survive is recorded as a replay:
   * it takes force when the contents are compared anew.
   */
  async put(dataset: string, origin: DatasetRecord['origin'], config: DatasetConfig): Promise<PutResult> {
    const written = await this.#change(dataset, (record) => withConfig(record, origin, config));
    if (written === undefined) return 'unchanged';
    return written.replay === undefined ? 'changed' : 'replays';
  }

  /** The generation that was being made is the present one, with its configuration; again changes nothing. */
  async switched(dataset: string, generation: number): Promise<void> {
    await this.#change(dataset, (record) => {
      if (record?.replay?.generation.number !== generation) return record;
      const { replay, ...kept } = record;
      return { ...kept, ...replay };
    });
  }

  /** The record that was written, or undefined where there was nothing to change. */
  async #change(
    dataset: string,
    change: (record: DatasetRecord | undefined) => DatasetRecord | undefined,
  ): Promise<DatasetRecord | undefined> {
    for (;;) {
      const known = await this.#records.get(dataset);
      const recorded = known && recordSchema.parse(JSON.parse(Buffer.from(known.value).toString()));
      const wanted = change(recorded);
      // Compared as understood: what a program of another version wrote may spell defaults out or leave them away.
      if (wanted === undefined || canonicalJson(wanted) === canonicalJson(recorded ?? null)) return undefined;
      const value = Buffer.from(canonicalJson(wanted));
      if ((await this.#records.compareAndSet(dataset, value, known?.revision ?? 0)) !== undefined)
        return wanted;
    }
  }

  async delete(dataset: string): Promise<void> {
    await this.#records.delete(dataset);
  }
}
