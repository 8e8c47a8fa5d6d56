// From what a model file has to the settings that it most likely wants. What a file cannot tell (mean, std, the order of
// channels) is guessed from the habits of exporters, and each guess is said.
import type { ModelConfig } from '../config/model.ts';

/** An input or output as the file declares it; a named dimension is free. */
export interface DeclaredTensor {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly (number | string)[];
}

/** An output, and what it gave for one picture; absent where nothing could be run. */
export interface TriedOutput extends DeclaredTensor {
  readonly gave?: { readonly shape: readonly number[]; readonly length: number };
}

export type GuessedInput = Pick<
  ModelConfig,
  'input' | 'layout' | 'channels' | 'size' | 'scale' | 'mean' | 'std'
>;
export type GuessedOutput = Pick<ModelConfig, 'output' | 'pooling' | 'dimension'>;

/** A guess with the reasons for what is not certain. */
export interface Guess<T> {
  readonly settings: T;
  readonly remarks: readonly string[];
}

/** No settings make this a model of pictures. */
export class NoPictureModel extends Error {
  override readonly name = 'NoPictureModel';
}

const USUAL_SIZE = 224;
/** Names that exporters give to the vector itself. */
const VECTOR_NAME = /emb|feature|pool|proj/i;
/** Sizes of the usual sets of classes. */
const CLASSES = [1000, 1001, 21_841, 21_843];

/** @throws NoPictureModel */
export function guessInput(inputs: readonly DeclaredTensor[]): Guess<GuessedInput> {
  const [picture, ...others] = inputs;
  if (picture === undefined || others.length > 0) {
    const names = inputs.map(({ name }) => name).join(', ') || 'none';
    throw new NoPictureModel(`expected one input, the picture; the model has ${names}`);
  }
  const { name, type, shape } = picture;
  if (shape.length !== 4) {
    throw new NoPictureModel(`expected an input of four dimensions; ${name} is ${shape.join(' × ')}`);
  }
  if (!['float32', 'float16', 'uint8'].includes(type)) {
    throw new NoPictureModel(`expected an input of float32, float16 or uint8; ${name} is ${type}`);
  }
  const remarks: string[] = [];
  const layout = shape[3] === 3 && shape[1] !== 3 ? 'NHWC' : 'NCHW';
  const [channels, height, width] =
    layout === 'NHWC' ? [shape[3], shape[1], shape[2]] : [shape[1], shape[2], shape[3]];
  if (typeof channels === 'number' && channels !== 3) {
    throw new NoPictureModel(`expected an input of three channels; ${name} is ${shape.join(' × ')}`);
  }
  if (channels !== 3)
    remarks.push(`layout: neither dimension of ${name} says where the channels are; ${layout} is usual`);
  const side = (size: number | string | undefined) =>
    typeof size === 'number' && size > 0 ? size : USUAL_SIZE;
  if (typeof width !== 'number' || typeof height !== 'number') {
    remarks.push(
      `size: the model takes any; ${USUAL_SIZE} is usual, its card says which one it was trained with`,
    );
  }
  return {
    settings: { input: name, layout, size: [side(width), side(height)], ...samplesOf(picture, remarks) },
    remarks,
  };
}

function samplesOf(
  { name, type }: DeclaredTensor,
  remarks: string[],
): Pick<ModelConfig, 'channels' | 'scale' | 'mean' | 'std'> {
  const plain = { mean: [0, 0, 0], std: [1, 1, 1] };
  if (type === 'uint8') return { channels: 'RGB', scale: 1, ...plain };
  if (/^data(_\d+)?$/.test(name)) {
    remarks.push(
      `channels, scale, mean: guessed from the name ${name}, which Caffe gave; compare them with the model's card`,
    );
    return { channels: 'BGR', scale: 1, mean: [104, 117, 123], std: [1, 1, 1] };
  }
  remarks.push(
    "mean, std: a file does not tell them; take those of the model's card (preprocessor_config.json, image_mean and image_std)",
  );
  return { channels: 'RGB', scale: 1 / 255, ...plain };
}

/** @throws NoPictureModel */
export function guessOutput(outputs: readonly TriedOutput[]): Guess<GuessedOutput> {
  const usable = outputs.flatMap((output) => {
    const { type, gave } = output;
    if ((type !== 'float32' && type !== 'float16') || gave === undefined) return [];
    const found = vectorOf(gave.shape);
    return found === undefined ? [] : [{ output, ...found }];
  });
  const best = usable.sort((one, other) => rankOf(other) - rankOf(one))[0];
  if (best === undefined) {
    const shapes = outputs.map(
      ({ name, type, gave, shape }) => `${name} ${type} ${(gave?.shape ?? shape).join(' × ')}`,
    );
    throw new NoPictureModel(
      `expected an output of float32 or float16 with a row a picture; found ${shapes.join(', ')}`,
    );
  }
  const { output, pooling, dimension } = best;
  const remarks: string[] = [];
  const others = usable.filter((each) => each !== best).map((each) => each.output.name);
  if (others.length > 0) remarks.push(`output: ${output.name} of several; also usable: ${others.join(', ')}`);
  if (pooling === 'cls') {
    remarks.push('pooling: `cls` takes the first token; models that average their tokens want `mean`');
  }
  if (CLASSES.includes(dimension)) {
    remarks.push(`output: ${dimension} numbers look like classes; a layer before them makes better vectors`);
  }
  return { settings: { output: output.name, pooling, dimension }, remarks };
}

function vectorOf(shape: readonly number[]): Omit<GuessedOutput, 'output'> | undefined {
  const [rows, first = 0, second = 0] = shape;
  if (rows !== 1) return undefined;
  if (shape.length >= 2 && shape.slice(2).every((size) => size === 1)) {
    return shape.length === 4
      ? { pooling: 'spatial', dimension: first }
      : { pooling: 'none', dimension: first };
  }
  if (shape.length === 3) return { pooling: 'cls', dimension: second };
  if (shape.length === 4) return { pooling: 'spatial', dimension: first };
  return undefined;
}

/** By name first, then vectors before maps before tokens. */
function rankOf({
  output,
  pooling,
}: {
  readonly output: TriedOutput;
  readonly pooling: ModelConfig['pooling'];
}): number {
  const order = { none: 2, spatial: 1, cls: 0, mean: 0 };
  return (VECTOR_NAME.test(output.name) ? 3 : 0) + order[pooling];
}
