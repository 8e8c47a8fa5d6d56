// Calibrates the thresholds of a dataset: draws pairs of different contents of its newest manifest, measures them and
// edits of some originals, and says which thresholds keep to a target. Reads only.
import {
  blobKeys,
  type DatasetConfig,
  type ModelIdentity,
  PictureReader,
  payloadSchema,
  recordedVersions,
  thresholdOf,
} from '#actors';
import { silentLogger } from '#runtime';
import { CommandError } from '../command-error.ts';
import type { LoadedConfig } from '../config/index.ts';
import { SeededRandom } from '../corpus/seeded-random.ts';
import type { ClientSystem } from '../node/client-system.ts';
import { findManifest } from '../node/find-manifest.ts';
import { messageCodec } from '../node/message-codec.ts';
import { originalContent } from '../node/original-content.ts';
import { type ModelContext, resolveModel } from '../node/resolve-model.ts';
import type { Terminal } from '../terminal.ts';
import { type CalibrationResult, calibrationResult } from './calibration-result.ts';
import { ContentShelf, type ShelvedContent } from './content-shelf.ts';
import { type EditRecall, measureEdits } from './edit-recall.ts';
import { untilAborted } from './interruptible.ts';
import { measurePairs } from './measure-pairs.ts';
import type { Threshold } from './measures.ts';
import { sampleContents } from './sample-contents.ts';
import { contentsWanted, type PairWishes, samplePairs } from './sample-pairs.ts';

export interface CalibrateOptions extends PairWishes {
  /** What is calibrated; those that drop go by a target of their own. */
  readonly thresholds: readonly Threshold[];
  readonly nearTarget: number;
  readonly seed: number;
  /** Originals that edits are made of; 0 for none. */
  readonly edits: number;
  /** Pairs whose pixels are compared at most. */
  readonly pixelPairs: number;
}

interface Surroundings {
  readonly system: ClientSystem;
  /** The dataset's configuration in force. */
  readonly settings: Pick<DatasetConfig, 'model' | 'dedup'>;
  readonly config: LoadedConfig;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** Originals are looked for among so many times as many contents as are wanted. */
const ORIGINALS_TRIED = 4;

/** @throws CommandError `unknown_manifest`, `usage` when the manifest is of another model */
export async function calibrate(
  dataset: string,
  options: CalibrateOptions,
  { system, settings, config, terminal, signal }: Surroundings,
): Promise<CalibrationResult> {
  const progress = terminal.progress();
  const { record, envelope, store } = await untilAborted(
    findManifest(system, dataset, { behindHead: 0 }),
    signal,
  );
  const versions = recordedVersions(envelope.deciding);
  const [modelName, modelDigest] = splitModel(versions.model);
  if (modelName !== settings.model) {
    const message = `manifest ${record.number} of ${dataset} was cut with the model ${modelName}, the dataset now has ${settings.model}: cut a manifest first`;
    throw new CommandError('usage', message);
  }
  const sample = await sampleContents(store.rows(envelope), {
    size: contentsWanted(options),
    seed: options.seed,
    signal,
  });
  const keeper = system.keeper(dataset);
  const sources = {
    items: async (items: readonly string[]) => (await keeper.items(items)).entries,
    vectors: system.vectors(dataset),
    blobs: system.blobs(dataset),
    versions,
  };
  const shelf = await ContentShelf.fill(sources, sample.contents, {
    signal,
    onProgress: (done) => progress.update(`looked up ${done} of ${sample.contents.length} contents`),
  });
  const random = new SeededRandom(options.seed);
  const { pairs, holdsFor } = samplePairs(shelf.contents.length, options, random);
  const measures = [...new Set(options.thresholds.map(({ measure }) => measure))];
  const curves = await measurePairs(shelf, pairs, {
    measures,
    pixelPairs: options.pixelPairs,
    signal,
    onProgress: (done) => progress.update(`measured ${done} of ${pairs.length} pairs`),
  });
  const remarks: string[] = [];
  const model = await modelHere(
    { loaded: config, link: system.link, names: system.names, log: silentLogger },
    dataset,
    { name: modelName, digest: modelDigest },
    remarks,
  );
  const recall = await editsOf(shelf.contents, model, options.edits, {
    original: (each) => original(system, dataset, each),
    signal,
    onProgress: (done) => progress.update(`edited ${done} of ${options.edits} originals`),
  });
  if (options.edits > recall.originals) {
    remarks.push(`only ${recall.originals} originals are at hand here that could be edited`);
  }
  progress.done(`measured ${pairs.length} pairs and the edits of ${recall.originals} originals`);
  return calibrationResult({
    dataset,
    manifest: record.number,
    model: modelName,
    modelDigest,
    seed: options.seed,
    holdsFor,
    sample: {
      contents: shelf.contents.length,
      pairs: pairs.length,
      population: sample.population,
      copies: sample.copies,
      rejected: sample.rejected,
    },
    wanted: options.thresholds.map((threshold) => ({
      ...threshold,
      target: threshold.drops ? options.nearTarget : options.target,
      present: thresholdOf(settings.dedup, threshold.name),
    })),
    curves,
    recall,
    remarks,
  });
}

function splitModel(version: string): readonly [name: string, digest: string] {
  const at = version.lastIndexOf('@');
  return [version.slice(0, at), version.slice(at + 1)];
}

/** The manifest's model, if it is configured here; only edits need it. */
async function modelHere(
  context: ModelContext,
  dataset: string,
  { name, digest }: { readonly name: string; readonly digest: string },
  remarks: string[],
): Promise<ModelIdentity | undefined> {
  try {
    const model = await resolveModel(context, { path: `datasets.${dataset}.model`, dataset }, name);
    if (model.digest === digest) return model;
    remarks.push(`the model ${name} is another file here: edits are not compared by vectors`);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    remarks.push(`the model ${name} is not configured here: edits are not compared by vectors`);
  }
  return undefined;
}

async function editsOf(
  contents: readonly ShelvedContent[],
  model: ModelIdentity | undefined,
  count: number,
  {
    original,
    signal,
    onProgress,
  }: {
    readonly original: (content: ShelvedContent) => Promise<Uint8Array | undefined>;
    readonly signal: AbortSignal;
    readonly onProgress: (done: number) => void;
  },
): Promise<EditRecall> {
  if (count === 0) return { originals: 0, edits: [] };
  await using reader = await PictureReader.open(model);
  const originals = async function* (): AsyncGenerator<Uint8Array> {
    for (const content of contents.slice(0, count * ORIGINALS_TRIED)) {
      const bytes = await untilAborted(original(content), signal);
      if (bytes !== undefined) yield bytes;
    }
  };
  const read = (bytes: Uint8Array) => reader.read(bytes);
  return await measureEdits({ originals: originals(), read }, { count, signal, onProgress });
}

async function original(
  system: ClientSystem,
  dataset: string,
  { content, item }: ShelvedContent,
): Promise<Uint8Array | undefined> {
  const payload = await system.blobs(dataset).get(blobKeys.payload(item));
  const location = payload === undefined ? null : payloadSchema.parse(messageCodec.decode(payload)).location;
  return await originalContent(system, dataset, { content, location });
}
