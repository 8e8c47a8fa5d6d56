// A command's connection to a running system: the link, the names, and the doors of one dataset.
import { ManifestStore } from '#actors';
import {
  datasetExists,
  identityOf,
  NatsBlobs,
  NatsLink,
  NatsRecords,
  namesOf,
  type SystemNames,
} from '#nats';
import { type BlobStore, silentLogger } from '#runtime';
import type { CommandContext } from '../command-environment.ts';
import { CommandError } from '../command-error.ts';
import { connectOptions } from './connect-options.ts';
import { datasetBlobs, datasetVectors } from './dataset-blobs.ts';
import { DatasetRegistry } from './dataset-registry.ts';
import { KeeperClient } from './keeper-client.ts';
import { ModelRegistry } from './model-registry.ts';
import { ShardOrders } from './shard-orders.ts';

export class ClientSystem implements AsyncDisposable {
  readonly link: NatsLink;
  readonly names: SystemNames;
  readonly #timeoutMs: number;
  readonly #isKept: boolean;

  /** `isKept`: somebody else closes the connection; default false. */
  constructor(options: {
    readonly link: NatsLink;
    readonly names: SystemNames;
    readonly timeoutMs: number;
    readonly isKept?: boolean;
  }) {
    this.#isKept = options.isKept ?? false;
    this.link = options.link;
    this.names = options.names;
    this.#timeoutMs = options.timeoutMs;
  }

  /**
   * Connects as the command's options, environment and data folder say.
   * @param wait.patienceMs how long a cluster without a leader is asked; default as the link does
   */
  static async connect(
    context: CommandContext,
    wait: { readonly patienceMs?: number } = {},
  ): Promise<ClientSystem> {
    const options = connectOptions(context.server());
    const link = await NatsLink.connect({
      ...options,
      name: 'troupe command',
      log: silentLogger,
      connectTimeoutMs: context.options.timeout,
      ...wait,
    });
    try {
      const names = namesOf(context.config().config.system);
      const isKept = (await context.trail?.connected({ link, names, who: identityOf(options) })) === true;
      return new ClientSystem({ link, names, timeoutMs: context.options.timeout, isKept });
    } catch (error) {
      await link.close();
      throw error;
    }
  }

  get registry(): DatasetRegistry {
    return new DatasetRegistry(this.#records(this.names.records.datasets));
  }

  /** @throws CommandError `unknown_dataset` */
  async requireDataset(dataset: string): Promise<void> {
    if (await datasetExists(this.link, dataset, this.names.system)) return;
    throw new CommandError(
      'unknown_dataset',
      `unknown dataset ${dataset} in the system ${this.names.system}`,
    );
  }

  keeper(dataset: string): KeeperClient {
    const { link, names } = this;
    return new KeeperClient({ link, names, dataset, timeoutMs: this.#timeoutMs });
  }

  manifests(dataset: string): ManifestStore {
    return new ManifestStore({
      dataset,
      blobs: new NatsBlobs(this.link, this.names.objects.manifests(dataset)),
      heads: this.#records(this.names.records.heads),
    });
  }

  /** Contents, proxies and payloads of a dataset. */
  blobs(dataset: string): BlobStore {
    return datasetBlobs(this.link, this.names, dataset);
  }

  vectors(dataset: string): BlobStore {
    return datasetVectors(this.link, this.names, dataset);
  }

  /** Deletes marks of suspect messages and ownership records of a deleted dataset: a later one of its name starts afresh. */
  async forgetRecords(dataset: string): Promise<void> {
    await new ShardOrders(this).forgetMoves(dataset);
    await new ModelRegistry(this).forgetPins(dataset);
    for (const bucket of [this.names.records.attempts, this.names.records.shards]) {
      const records = this.#records(bucket);
      for (const key of await records.keys()) {
        if (key.startsWith(`${dataset}.`)) await records.delete(key);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isKept) await this.link.drain();
  }

  #records(bucket: string): NatsRecords {
    return new NatsRecords(this.link, bucket);
  }
}
