// An open ONNX session of one embedding model, whatever its layout, preprocessing and output. A session's `run()`
// blocks its thread although it returns a promise, so this is used in a worker thread of its own (embed-thread.ts).
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { nativeCall } from '#runtime';
import type { Provider } from '../config/model.ts';
import { EmbeddingError } from './embedding-error.ts';
import { asFloat32, halfTensor } from './half-precision.ts';
import { lengthOf, UnusableOutput, vectorsOf } from './model-output.ts';
import { byteInput, floatInput, inputShape } from './model-preprocessing.ts';
import { ModelUnusable } from './model-unusable.ts';
import { noise } from './noise.ts';
import { openSession } from './open-session.ts';
import type { ModelFacts, SessionSpec, UnavailableProvider } from './session-spec.ts';

/** Vectors whose length differs from 1 by more are no unit vectors. */
const UNIT_TOLERANCE = 1e-3;
const INPUT_TYPES: readonly string[] = ['float32', 'float16', 'uint8'];
const OUTPUT_TYPES: readonly string[] = ['float32', 'float16'];

export class ModelSession {
  readonly #session: InferenceSession;
  readonly #spec: SessionSpec;
  readonly #input: InferenceSession.TensorValueMetadata;
  readonly #output: string;
  readonly #provider: Provider;
  readonly #unavailable: readonly UnavailableProvider[];
  #batches: readonly number[] = [1];
  #repeats = true;

  private constructor(
    opened: Awaited<ReturnType<typeof openSession>>,
    spec: SessionSpec,
    input: InferenceSession.TensorValueMetadata,
    output: string,
  ) {
    this.#session = opened.session;
    this.#provider = opened.provider;
    this.#unavailable = opened.unavailable;
    this.#spec = spec;
    this.#input = input;
    this.#output = output;
  }

  /**
   * Opens a session on the first provider that works and tries it: names, shapes, dimension, unit length, and in which
   * batch sizes a vector does not depend on its neighbours.
   * @throws ModelUnusable when the file or the settings are wrong
   */
  static async open(spec: SessionSpec): Promise<ModelSession> {
    const opened = await openSession(spec);
    const { session } = opened;
    try {
      const tried = new ModelSession(opened, spec, chosenInput(session, spec), chosenOutput(session, spec));
      await tried.#probe();
      return tried;
    } catch (error) {
      await session.release();
      if (error instanceof ModelUnusable) throw error;
      const message = `the model ${spec.path} fails on a picture: ${messageOf(error)}`;
      throw new ModelUnusable('file', message, { cause: error });
    }
  }

  get facts(): ModelFacts {
    return {
      input: this.#input.name,
      output: this.#output,
      batches: this.#batches,
      repeats: this.#repeats,
      provider: this.#provider,
      unavailable: this.#unavailable,
    };
  }

  /**
   * One unit vector for each picture (8-bit RGB at the model's size), in order, each with a buffer of its own. Equal
   * bit for bit whatever else is in the request.
   * @throws EmbeddingError when a picture has another length or the model fails
   */
  async embed(pictures: readonly Uint8Array[]): Promise<Float32Array<ArrayBuffer>[]> {
    const vectors: Float32Array<ArrayBuffer>[] = [];
    try {
      while (vectors.length < pictures.length) {
        const left = pictures.length - vectors.length;
        const size = this.#batches.findLast((batch) => batch <= left) ?? 1;
        vectors.push(...(await this.#run(pictures.slice(vectors.length, vectors.length + size))));
      }
      return vectors;
    } catch (error) {
      const message = `the model failed on a batch of ${pictures.length}: ${messageOf(error)}`;
      throw new EmbeddingError(message, { cause: error });
    }
  }

  /**
   * One vector for each picture, all of them in one run, whether or not that size gives the bits of pictures run alone:
   * to measure what a batch size costs and gives.
   * @throws whatever the model throws
   */
  runAtOnce(pictures: readonly Uint8Array[]): Promise<Float32Array<ArrayBuffer>[]> {
    return this.#run(pictures);
  }

  /** Frees the session. */
  async close(): Promise<void> {
    await this.#session.release();
  }

  async #run(pictures: readonly Uint8Array[]): Promise<Float32Array<ArrayBuffer>[]> {
    const shape = inputShape(pictures.length, this.#spec);
    const input = { [this.#input.name]: this.#tensor(pictures, shape) };
    const outputs = await nativeCall(() => this.#session.run(input, [this.#output]));
    const output = outputs[this.#output];
    const numbers = output && asFloat32(output);
    if (numbers === undefined) {
      throw new UnusableOutput(`the output ${this.#output} is ${output?.type}, expected float32 or float16`);
    }
    return vectorsOf(numbers, output?.dims ?? [], this.#spec);
  }

  #tensor(pictures: readonly Uint8Array[], shape: readonly number[]): Tensor {
    switch (this.#input.type) {
      case 'uint8':
        return new Tensor('uint8', byteInput(pictures, this.#spec), shape);
      case 'float16':
        return halfTensor(floatInput(pictures, this.#spec), shape);
      default:
        return new Tensor('float32', floatInput(pictures, this.#spec), shape);
    }
  }

  async #probe(): Promise<void> {
    const pictures = [noise(this.#spec.size, 1), noise(this.#spec.size, 2)];
    const alone: Float32Array[] = [];
    for (const picture of pictures) alone.push(...(await this.#probeRun([picture])));
    const { normalise, matryoshka } = this.#spec;
    const [vector = new Float32Array(0)] = alone;
    if (normalise === 'none' && matryoshka === undefined && Math.abs(lengthOf(vector) - 1) > UNIT_TOLERANCE) {
      throw new ModelUnusable(
        'normalise',
        `expected vectors of length 1, the output ${this.#output} gives ${lengthOf(vector).toFixed(3)}; set normalise: l2`,
      );
    }
    const again: Float32Array[] = [];
    for (const picture of pictures) again.push(...(await this.#run([picture])));
    this.#repeats = sameVectors(alone, again);
    if (!this.#repeats && this.#spec.mustRepeat === true) {
      throw new ModelUnusable(
        'file',
        `expected the same vector each time a picture is run on ${this.#provider}, they differ: its vectors may group but not drop, so set dedup.vectors.near to null and dedup.actions.semantic to group, or take another provider`,
      );
    }
    if (this.#repeats) this.#batches = await this.#agreeingBatches(pictures, alone);
    await this.#checkThreads(pictures, alone);
  }

  /** More threads may add in another order: they are used only where they change nothing. */
  async #checkThreads(pictures: readonly Uint8Array[], alone: readonly Float32Array[]): Promise<void> {
    if (this.#spec.threads === 1 || this.#provider !== 'cpu' || !this.#repeats) return;
    const single = await ModelSession.open({ ...this.#spec, providers: ['cpu'], threads: 1, batch: 1 });
    try {
      if (sameVectors(alone, await single.embed(pictures))) return;
    } finally {
      await single.close();
    }
    throw new ModelUnusable(
      'threads',
      `expected the same vectors with ${this.#spec.threads} threads as with one, they differ in bits; set threads: 1 and use more sessions`,
    );
  }

  /** Kernels may add in another order for another batch size: only sizes that give the same bits are used. */
  async #agreeingBatches(
    pictures: readonly Uint8Array[],
    alone: readonly Float32Array[],
  ): Promise<readonly number[]> {
    const batches = [1];
    if (typeof this.#input.shape[0] === 'number') return batches;
    for (let size = 2; size <= this.#spec.batch; size *= 2) {
      const batch = Array.from({ length: size }, (_, at) => pictures[at % 2] as Uint8Array);
      const vectors = await this.#run(batch);
      if (vectors.some((vector, at) => !sameBits(vector, alone[at % 2] as Float32Array))) break;
      batches.push(size);
    }
    return batches;
  }

  async #probeRun(pictures: readonly Uint8Array[]): Promise<readonly Float32Array[]> {
    try {
      return await this.#run(pictures);
    } catch (error) {
      if (error instanceof UnusableOutput)
        throw new ModelUnusable(error.setting, error.message, { cause: error });
      throw error;
    }
  }
}

function chosenInput(session: InferenceSession, spec: SessionSpec): InferenceSession.TensorValueMetadata {
  const [only, ...others] = session.inputMetadata;
  const inputs = session.inputMetadata.map(({ name }) => name).join(', ');
  const input =
    spec.input === undefined ? only : session.inputMetadata.find(({ name }) => name === spec.input);
  if (input === undefined) {
    throw new ModelUnusable('input', `expected an input of the model (${inputs}), got ${spec.input}`);
  }
  if (others.length > 0) {
    throw new ModelUnusable('file', `expected a model with one input, the picture; it has ${inputs}`);
  }
  if (!input.isTensor || !INPUT_TYPES.includes(input.type)) {
    throw new ModelUnusable(
      'input',
      `expected the input ${input.name} to be ${INPUT_TYPES.join(', ')}, it is ${input.isTensor ? input.type : 'no tensor'}`,
    );
  }
  if (input.type === 'uint8' && !leavesSamples(spec)) {
    throw new ModelUnusable(
      'scale',
      `expected neither scale, mean nor std: the input ${input.name} takes 8-bit samples as they are`,
    );
  }
  checkShape(input, spec);
  return input;
}

function leavesSamples({ scale, mean, std }: SessionSpec): boolean {
  return scale === 1 && mean.every((value) => value === 0) && std.every((value) => value === 1);
}

/** A free dimension has a name instead of a number, and fits anything. */
function checkShape(input: InferenceSession.TensorValueMetadata, spec: SessionSpec): void {
  const wanted = inputShape(1, spec);
  const fits =
    input.shape.length === wanted.length &&
    input.shape.every((size, at) => typeof size === 'string' || size === wanted[at]);
  if (fits) return;
  throw new ModelUnusable(
    'size',
    `expected the input ${input.name} to be ${input.shape.join(' × ')} as the model says, layout ${spec.layout} and size ${spec.size.join(' × ')} give N × ${wanted.slice(1).join(' × ')}`,
  );
}

function chosenOutput({ outputMetadata }: InferenceSession, { output }: SessionSpec): string {
  const names = outputMetadata.map(({ name }) => name);
  if (output === undefined && names.length > 1) {
    throw new ModelUnusable(
      'output',
      `expected output to name one of the model's outputs: ${names.join(', ')}`,
    );
  }
  const chosen = output ?? names[0];
  const found = outputMetadata.find(({ name }) => name === chosen);
  if (chosen === undefined || found === undefined) {
    throw new ModelUnusable('output', `expected an output of the model (${names.join(', ')}), got ${output}`);
  }
  if (!found.isTensor || !OUTPUT_TYPES.includes(found.type)) {
    throw new ModelUnusable(
      'output',
      `expected the output ${chosen} to be ${OUTPUT_TYPES.join(' or ')}, it is ${found.isTensor ? found.type : 'no tensor'}`,
    );
  }
  return chosen;
}

function sameVectors(some: readonly Float32Array[], others: readonly Float32Array[]): boolean {
  return some.every((vector, at) => sameBits(vector, others[at] ?? new Float32Array(0)));
}

/** Whether two vectors are equal, bit for bit. */
export function sameBits(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((value, at) => Object.is(value, b[at]));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
