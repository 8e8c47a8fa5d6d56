// From 8-bit RGB to a model's input tensor: value = (sample · scale - mean) / std, channels in the order and the
// layout that the model wants. Every value is looked up, so that one sample is one number on every machine.
import type { PixelSize } from './model-proxy.ts';

/** How samples become numbers. */
export interface InputSpec {
  readonly size: PixelSize;
  /** `NCHW`: a plane for each channel; `NHWC`: the channels of a pixel together. */
  readonly layout: 'NCHW' | 'NHWC';
  /** Order of the channels in the tensor; `mean` and `std` are in this order. */
  readonly channels: 'RGB' | 'BGR';
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Shape of a batch of `count` pictures. */
export function inputShape(count: number, { layout, size: [width, height] }: InputSpec): number[] {
  return layout === 'NCHW' ? [count, 3, height, width] : [count, height, width, 3];
}

/**
 * Values of a batch.
 * @throws RangeError when a picture has another length than `width × height × 3`
 */
export function floatInput(pictures: readonly Uint8Array[], spec: InputSpec): Float32Array {
  const values = new Float32Array(pictures.length * samplesOf(spec));
  for (let channel = 0; channel < 3; channel += 1) {
    fill(values, pictures, spec, channel, valueTable(spec, channel));
  }
  return values;
}

/** Samples of a batch as they are, for models that take 8-bit input and scale it themselves. @throws RangeError as `floatInput` */
export function byteInput(pictures: readonly Uint8Array[], spec: InputSpec): Uint8Array {
  const values = new Uint8Array(pictures.length * samplesOf(spec));
  const same = Uint8Array.from({ length: 256 }, (_, sample) => sample);
  for (let channel = 0; channel < 3; channel += 1) fill(values, pictures, spec, channel, same);
  return values;
}

/** The 256 values of one channel of the tensor. */
function valueTable({ scale, mean, std }: InputSpec, channel: number): Float32Array {
  return Float32Array.from(
    { length: 256 },
    (_, sample) => (sample * scale - (mean[channel] as number)) / (std[channel] as number),
  );
}

function samplesOf({ size: [width, height] }: InputSpec): number {
  return width * height * 3;
}

/** Sets every value of one channel of the tensor; `table` holds the value of each sample. */
function fill(
  values: Float32Array | Uint8Array,
  pictures: readonly Uint8Array[],
  spec: InputSpec,
  channel: number,
  table: Float32Array | Uint8Array,
): void {
  const samples = samplesOf(spec);
  const source = spec.channels === 'RGB' ? channel : 2 - channel;
  const [offset, stride] = spec.layout === 'NCHW' ? [(channel * samples) / 3, 1] : [channel, 3];
  for (const [index, picture] of pictures.entries()) {
    if (picture.length !== samples) {
      throw new RangeError(`a picture for the model has ${samples} bytes, got ${picture.length}`);
    }
    let to = index * samples + offset;
    for (let from = source; from < samples; from += 3, to += stride) {
      values[to] = table[picture[from] as number] as number;
    }
  }
}
