// The models that were added to a system: records by name and version, files in a bucket by their sha256, and which version
// each dataset took. Nodes that lack a file fetch it into their data folder and check its digest.
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import semver from 'semver';
import { canonicalJson, sha256Hex } from '#actors';
import { type NatsLink, NatsRecords, ObjectBucket, type SystemNames } from '#nats';
import { CommandError } from '../command-error.ts';
import type { ModelReference } from '../config/index.ts';
import { type ModelRecord, modelRecordSchema } from '../models/model-record.ts';

export class ModelRegistry {
  readonly #records: NatsRecords;
  readonly #files: ObjectBucket;

  constructor({ link, names }: { readonly link: NatsLink; readonly names: SystemNames }) {
    this.#records = new NatsRecords(link, names.records.models);
    this.#files = new ObjectBucket(link, names.objects.models);
  }

  /** Every version of every model, or of one, by name and then by version. */
  async list(name?: string): Promise<readonly ModelRecord[]> {
    const entries = await this.#records.entries(name === undefined ? 'model.' : `model.${name}.`);
    return entries
      .map(({ value }) => modelRecordSchema.parse(JSON.parse(Buffer.from(value).toString())))
      .sort((one, other) => one.name.localeCompare(other.name) || semver.compare(one.version, other.version));
  }

  /** Stores the file, then the record: a model that is listed can be fetched. False where the version is taken by now. */
  async add(record: ModelRecord, file: string): Promise<boolean> {
    const present = await this.#files.describe(record.digest);
    if (present?.size !== record.bytes) await this.#files.put(record.digest, createReadStream(file));
    const key = `model.${record.name}.${record.version}`;
    return (await this.#records.compareAndSet(key, Buffer.from(canonicalJson(record)), 0)) !== undefined;
  }

  /**
   * The newest version in the range.
   * @throws CommandError `unknown_model`
   */
  async resolve({ name, range }: ModelReference): Promise<ModelRecord> {
    const versions = await this.list(name);
    const found = semver.maxSatisfying(
      versions.map(({ version }) => version),
      range,
    );
    const record = versions.find(({ version }) => version === found);
    if (record !== undefined) return record;
    const there = versions.map(({ version }) => version).join(', ') || 'none';
    throw new CommandError(
      'unknown_model',
      `expected a version of the model ${name} in the range ${range}, the system has ${there}`,
    );
  }

  /**
   * The version that a dataset took when it first came to this reference: one that is added later changes nothing, as its
   * vectors are others. @throws CommandError `unknown_model`
   */
  async pinned(dataset: string, reference: ModelReference): Promise<ModelRecord> {
    const { name, range } = reference;
    const key = `pin.${dataset}.${sha256Hex(`${name}@${range}`).slice(0, 32)}`;
    for (;;) {
      const pin = await this.#records.get(key);
      if (pin !== undefined) return this.resolve({ name, range: Buffer.from(pin.value).toString() });
      const { version } = await this.resolve(reference);
      await this.#records.compareAndSet(key, Buffer.from(version), 0);
    }
  }

  /** Forgets the versions that a deleted dataset took. */
  async forgetPins(dataset: string): Promise<void> {
    for (const { key } of await this.#records.entries(`pin.${dataset}.`)) await this.#records.delete(key);
  }

  /**
   * Path of the file in `folder`, fetched where it is absent or another one.
   * @throws CommandError `unknown_model` where the bucket has lost it; ObjectDamaged
   */
  async fetch({ name, version, digest }: ModelRecord, folder: string): Promise<string> {
    const path = join(folder, `${digest}.onnx`);
    if ((await digestOf(path)) === digest) return path;
    const description = await this.#files.describe(digest);
    if (description === undefined) {
      throw new CommandError(
        'unknown_model',
        `the file of the model ${name}@${version} is not in the bucket any more`,
      );
    }
    await mkdir(folder, { recursive: true });
    const partial = `${path}.${process.pid}`;
    try {
      await pipeline(this.#files.read(description), createWriteStream(partial));
      const got = await digestOf(partial);
      if (got !== digest) {
        throw new CommandError(
          'unknown_model',
          `expected the file of the model ${name}@${version} to have sha256 ${digest}, the bucket gave ${got}`,
        );
      }
      await rename(partial, path);
    } finally {
      await rm(partial, { force: true });
    }
    return path;
  }
}

/** sha256 of a file; undefined where there is none. */
async function digestOf(path: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), hash);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return hash.digest('hex');
}
