import { describe, expect, it } from 'vitest';
import {
  type DeclaredTensor,
  guessInput,
  guessOutput,
  type TriedOutput,
} from '../../../actors/image/model-guess.ts';

const input = (shape: DeclaredTensor['shape'], own: Partial<DeclaredTensor> = {}) =>
  guessInput([{ name: 'pixel_values', type: 'float32', shape, ...own }]);
const output = (name: string, gave: readonly number[], type = 'float32'): TriedOutput => ({
  name,
  type,
  shape: ['N', ...gave.slice(1)],
  gave: { shape: gave, length: 2 },
});

describe("the guess of a model's input", () => {
  it('finds the layout and the size where the shape tells them', () => {
    expect(input(['N', 3, 240, 320])).toMatchObject({ settings: { layout: 'NCHW', size: [320, 240] } });
    expect(input([1, 240, 320, 3])).toMatchObject({ settings: { layout: 'NHWC', size: [320, 240] } });
  });

  it('says what the shape does not tell', () => {
    const { settings, remarks } = input(['N', 'C', 'H', 'W']);
    expect(settings).toMatchObject({ layout: 'NCHW', size: [224, 224], scale: 1 / 255 });
    expect(remarks.map((remark) => remark.split(':')[0])).toEqual(['layout', 'size', 'mean, std']);
  });

  it('leaves 8-bit samples as they are, and knows the names that Caffe gave', () => {
    expect(input(['N', 3, 8, 8], { type: 'uint8' })).toMatchObject({ settings: { scale: 1 }, remarks: [] });
    expect(input(['N', 3, 8, 8], { name: 'data_0' }).settings).toMatchObject({
      channels: 'BGR',
      scale: 1,
      mean: [104, 117, 123],
    });
  });

  it.each([
    [['N', 1, 28, 28], {}, 'three channels'],
    [['N', 512], {}, 'four dimensions'],
    [['N', 3, 8, 8], { type: 'int64' }, 'float32, float16 or uint8'],
  ] as const)('is none for an input of %j %j', (shape, own, message) => {
    expect(() => input([...shape], own)).toThrow(message);
  });

  it('is none for a model that takes a text, too', () => {
    const two = ['pixel_values', 'input_ids'].map((name) => ({
      name,
      type: 'float32',
      shape: ['N', 3, 8, 8],
    }));
    expect(() => guessInput(two)).toThrow(
      'expected one input, the picture; the model has pixel_values, input_ids',
    );
  });
});

describe("the guess of a model's output", () => {
  it('prefers what is named as a vector, and says what else there is', () => {
    const { settings, remarks } = guessOutput([
      output('last_hidden_state', [1, 50, 768]),
      output('image_embeds', [1, 512]),
    ]);
    expect(settings).toEqual({ output: 'image_embeds', pooling: 'none', dimension: 512 });
    expect(remarks).toEqual(['output: image_embeds of several; also usable: last_hidden_state']);
  });

  it('pools tokens and maps by their shapes', () => {
    expect(guessOutput([output('tokens', [1, 50, 768])]).settings).toMatchObject({
      pooling: 'cls',
      dimension: 768,
    });
    expect(guessOutput([output('maps', [1, 512, 7, 7])]).settings).toMatchObject({
      pooling: 'spatial',
      dimension: 512,
    });
  });

  it('warns of numbers that look like classes', () => {
    expect(guessOutput([output('logits', [1, 1000])]).remarks[0]).toContain('look like classes');
  });

  it('is none where no output has a row of numbers for a picture', () => {
    expect(() => guessOutput([output('boxes', [100, 4]), output('ids', [1, 7], 'int64')])).toThrow(
      'found boxes float32 100 × 4, ids int64 1 × 7',
    );
  });
});
