// What an embedding session is opened with, on whichever thread it lives.
import { z } from 'zod';
import { PROVIDERS, type Provider } from '../config/model.ts';

const channelNumbers = z.array(z.number()).length(3);

export const sessionSpecSchema = z.object({
  /** Absolute path of the ONNX file. */
  path: z.string(),
  /** Digest that the file must have, 64 hex digits. */
  sha256: z.string(),
  /** Name of the input; by default the only one. */
  input: z.string().optional(),
  /** Name of the output; by default the only one. */
  output: z.string().optional(),
  layout: z.enum(['NCHW', 'NHWC']),
  channels: z.enum(['RGB', 'BGR']),
  size: z.tuple([z.number(), z.number()]),
  scale: z.number(),
  mean: channelNumbers,
  std: channelNumbers,
  pooling: z.enum(['none', 'mean', 'cls', 'spatial']),
  normalise: z.enum(['l2', 'none']),
  /** Numbers that the model gives. */
  dimension: z.number(),
  /** Shorter vectors: the first numbers, after layer normalisation where that is asked for. */
  matryoshka: z.object({ dimension: z.number(), layerNorm: z.boolean() }).optional(),
  /** Tried in order; one that decides verdicts is started with a single one. */
  providers: z.array(z.enum(PROVIDERS)),
  /** Threads inside one run on a CPU. */
  threads: z.number(),
  /** Whether a model whose vectors differ from run to run is refused, because they would drop items. */
  mustRepeat: z.boolean().optional(),
  /** Most pictures in one run. */
  batch: z.number(),
});

/** Everything that a session needs to know of its model. */
export type SessionSpec = z.infer<typeof sessionSpecSchema>;

/** What a model turned out to have. */
export interface ModelFacts {
  readonly input: string;
  readonly output: string;
  /** Batch sizes in use: those in which vectors are equal, bit for bit, to those of pictures run alone. */
  readonly batches: readonly number[];
  /** Whether a picture that is run alone again gives the same bits. */
  readonly repeats: boolean;
  /** Where it runs. */
  readonly provider: Provider;
  /** What was tried before, and why it does not work here. */
  readonly unavailable: readonly UnavailableProvider[];
}

/** A provider that a session could not be opened on. */
export interface UnavailableProvider {
  readonly provider: Provider;
  readonly reason: string;
}
