// Half-precision tensors: what models converted to fp16 take and give.
import { Tensor } from 'onnxruntime-node';

/** The output's numbers in single precision, which holds every half exactly; undefined for another type. */
export function asFloat32({ type, data }: Pick<Tensor, 'type' | 'data'>): Float32Array | undefined {
  if (data instanceof Float32Array) return data;
  if (type !== 'float16' || !ArrayBuffer.isView(data)) return undefined;
  return Float32Array.from(new Float16Array(data.buffer, data.byteOffset, data.byteLength / 2));
}

/**
 * Each number rounded to the nearest half. `Tensor` makes a Float16Array of the patterns, which the native part of the
 * runtime (1.30) cannot read: it is given the patterns themselves.
 */
export function halfTensor(values: Float32Array, shape: readonly number[]): Tensor {
  const patterns = new Uint16Array(Float16Array.from(values).buffer);
  return Object.defineProperty(new Tensor('float16', patterns, shape), 'data', { value: patterns });
}
