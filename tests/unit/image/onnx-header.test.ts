import { describe, expect, it } from 'vitest';
import { readOnnxHeader } from '../../../actors/image/onnx-header.ts';
import { encodeModel } from '../../../scripts/onnx-writer.ts';
import { flatteningModel } from '../../support/onnx-models.ts';

const bytes = encodeModel(flatteningModel({ input: ['N', 2, 2, 3], output: ['N', 12] }));

describe('the header of an ONNX file', () => {
  it('tells format, producer, operator sets and operators', () => {
    expect(readOnnxHeader(bytes)).toEqual({
      irVersion: 8,
      producer: 'flattening 1',
      opsets: { 'ai.onnx': 13 },
      operators: { Cast: 1, Flatten: 1 },
    });
  });

  it('is not found in a file that is cut off, or is no model', () => {
    for (const end of [1, bytes.length >> 1, bytes.length - 20]) {
      expect(() => readOnnxHeader(bytes.subarray(0, end))).toThrow(RangeError);
    }
    expect(() => readOnnxHeader(new TextEncoder().encode('no model at all'))).toThrow(RangeError);
    expect(() => readOnnxHeader(new Uint8Array(0))).toThrow('found no graph');
  });
});
