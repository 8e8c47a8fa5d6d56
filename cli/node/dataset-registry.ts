// The datasets of a system as recorded in its datasets bucket: where `up` writes what troupe.yaml says, where
// `dataset create` adds others, and where every node and command reads them.
import { z } from 'zod';
import { canonicalJson, type DatasetConfig, datasetConfigSchema } from '#actors';
import { type NatsLink, NatsRecords, type SystemNames } from '#nats';
import type { RecordStore } from '#runtime';

const recordSchema = z.object({
  /** `file`: from a node's troupe.yaml, which rules; `command`: made by `dataset create`. */
  origin: z.enum(['file', 'command']),
  config: datasetConfigSchema,
});

/** A dataset as recorded. */
export type DatasetRecord = z.infer<typeof recordSchema>;

/** The shard count of a dataset is recorded once; changing it is a replay, not a setting. */
export class ShardCountFixed extends Error {
  override readonly name = 'ShardCountFixed';
  readonly code = 'config_invalid';

  constructor(dataset: string, recorded: number, asked: number) {
    super(
      `datasets.${dataset}.shards: expected ${recorded}, as recorded when the dataset was made, got ${asked}`,
    );
  }
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
   * Records a dataset, over what was recorded before.
   * @throws ShardCountFixed
   */
  async put(dataset: string, origin: DatasetRecord['origin'], config: DatasetConfig): Promise<void> {
    const value = Buffer.from(canonicalJson({ origin, config }));
    for (;;) {
      const known = await this.#records.get(dataset);
      const recorded = known && recordSchema.parse(JSON.parse(Buffer.from(known.value).toString()));
      if (recorded !== undefined && recorded.config.shards !== config.shards) {
        throw new ShardCountFixed(dataset, recorded.config.shards, config.shards);
      }
      // Compared as understood: what a program of another version wrote may spell defaults out or leave them away.
      if (recorded !== undefined && value.equals(Buffer.from(canonicalJson(recorded)))) return;
      if ((await this.#records.compareAndSet(dataset, value, known?.revision ?? 0)) !== undefined) return;
    }
  }

  async delete(dataset: string): Promise<void> {
    await this.#records.delete(dataset);
  }
}
