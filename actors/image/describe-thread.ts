// The worker thread that reads a model file of which nothing is known, guesses its input and runs one picture of noise
// through it, to see what its outputs are.
import { readFile } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { sha256Hex } from '../pipeline/canonical.ts';
import { asFloat32, halfTensor } from './half-precision.ts';
import {
  type DeclaredTensor,
  type Guess,
  type GuessedInput,
  guessInput,
  NoPictureModel,
  type TriedOutput,
} from './model-guess.ts';
import { lengthOf } from './model-output.ts';
import { byteInput, floatInput, inputShape } from './model-preprocessing.ts';
import { ModelUnusable } from './model-unusable.ts';
import { noise } from './noise.ts';
import { type OnnxHeader, readOnnxHeader } from './onnx-header.ts';
import { openSession } from './open-session.ts';

/** What a model file has. */
export interface DescribedModel {
  readonly sha256: string;
  readonly bytes: number;
  readonly header: OnnxHeader;
  readonly inputs: readonly DeclaredTensor[];
  readonly outputs: readonly TriedOutput[];
  /** Absent for a model that takes no picture, with the reason in `problem`. */
  readonly input?: Guess<GuessedInput>;
  readonly problem?: string;
}

export type DescribeAnswer = { readonly described: DescribedModel } | { readonly message: string };

async function describe(path: string): Promise<DescribedModel> {
  const bytes = await readFile(path);
  const sha256 = sha256Hex(bytes);
  const { session } = await openSession({ path, sha256, providers: ['cpu'], threads: 1 });
  const [inputs, outputs] = [session.inputMetadata, session.outputMetadata].map((all) => all.map(declared));
  const file = { sha256, bytes: bytes.length, header: readOnnxHeader(bytes), inputs: inputs ?? [] };
  try {
    const input = guessInput(file.inputs);
    return { ...file, input, outputs: await tried(session, input.settings, outputs ?? []) };
  } catch (error) {
    // What the runtime says of a picture is as much a reason as a missing input.
    return {
      ...file,
      outputs: outputs ?? [],
      problem: error instanceof Error ? error.message : String(error),
    };
  } finally {
    await session.release();
  }
}

function declared(meta: InferenceSession.ValueMetadata): DeclaredTensor {
  return meta.isTensor
    ? { name: meta.name, type: meta.type, shape: [...meta.shape] }
    : { name: meta.name, type: 'no tensor', shape: [] };
}

async function tried(
  session: InferenceSession,
  input: GuessedInput,
  outputs: readonly DeclaredTensor[],
): Promise<readonly TriedOutput[]> {
  const { type } = session.inputMetadata[0] as InferenceSession.TensorValueMetadata;
  const shape = inputShape(1, input);
  const picture = [noise(input.size, 1)];
  const tensor =
    type === 'uint8'
      ? new Tensor('uint8', byteInput(picture, input), shape)
      : type === 'float16'
        ? halfTensor(floatInput(picture, input), shape)
        : new Tensor('float32', floatInput(picture, input), shape);
  const given = await session.run({ [input.input as string]: tensor });
  return outputs.map((output) => {
    const gave = given[output.name];
    const numbers = gave && asFloat32(gave);
    if (gave === undefined || numbers === undefined) return output;
    return { ...output, gave: { shape: [...gave.dims], length: lengthOf(numbers) } };
  });
}

async function answer(): Promise<DescribeAnswer> {
  try {
    return { described: await describe(workerData as string) };
  } catch (error) {
    if (error instanceof ModelUnusable || error instanceof NoPictureModel || error instanceof RangeError) {
      return { message: error.message };
    }
    throw error;
  }
}

parentPort?.postMessage(await answer());
