import { describe, expect, it } from 'vitest';
import { modelConfigSchema } from '../../../actors/config/index.ts';
import { proxySpecOf } from '../../../actors/image/embedding-model.ts';
import { ConfigError, parseConfig } from '../../../cli/config/index.ts';

const least = { file: 'model.onnx', size: 224, dimension: 512 };

function problemsOf(text: string): readonly string[] {
  try {
    parseConfig({ text, place: 'troupe.yaml', env: {} });
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
  return [];
}

const modelWith = (fields: string) => `models: { own: { file: m.onnx, size: 224, dimension: 8, ${fields} } }`;

describe("a model's configuration", () => {
  it('needs a file, a size and a dimension; the rest is what most models want', () => {
    expect(modelConfigSchema.parse(least)).toEqual({
      ...least,
      layout: 'NCHW',
      channels: 'RGB',
      size: [224, 224],
      resize: { mode: 'shortest', filter: 'bicubic', pad: [0, 0, 0] },
      crop: 'center',
      scale: 1 / 255,
      mean: [0, 0, 0],
      std: [1, 1, 1],
      pooling: 'none',
      normalise: 'l2',
      batch: 2,
      providers: ['cpu'],
      store: 'f32',
      threads: 1,
    });
  });

  it('takes fractions, one number for all channels, and sizes of one number or two', () => {
    const { scale, mean, std, size } = modelConfigSchema.parse({
      ...least,
      scale: '2/255',
      mean: 1,
      std: [1, 2, 3],
      size: [320, 240],
    });
    expect({ scale, mean, std, size }).toEqual({
      scale: 2 / 255,
      mean: [1, 1, 1],
      std: [1, 2, 3],
      size: [320, 240],
    });
  });

  it('resizes to the size itself, by the short side so that the size is covered', () => {
    const proxyOf = (own: object) => proxySpecOf(modelConfigSchema.parse({ ...least, ...own }));
    expect(proxyOf({}).to).toEqual([224, 224]);
    expect(proxyOf({ size: [320, 240] }).to).toEqual([320, 320]);
    expect(proxyOf({ size: [320, 240], resize: { mode: 'exact' } }).to).toEqual([320, 240]);
    expect(proxyOf({ resize: { to: 256 } })).toMatchObject({ to: [256, 256], size: [224, 224] });
  });

  it.each([
    ['scale: 0', 'models.own.scale: expected a number other than 0 or a fraction such as 1/255'],
    ['scale: 1/x', 'models.own.scale: expected a number other than 0 or a fraction such as 1/255, got "1/x"'],
    ['std: [1, 0, 1]', 'models.own.std: expected numbers other than 0'],
    ['mean: [1, 2]', 'models.own.mean: expected at least 3 entries, got [1,2]'],
    ['resize: { to: 200 }', 'models.own.resize.to: expected at least size'],
    ['resize: { to: [256, 300] }', 'models.own.resize.to: expected one number'],
    ['resize: { mode: longest-pad, to: 256 }', 'models.own.resize.to: expected at most size'],
    ['layout: HWC', 'models.own.layout: expected one of NCHW, NHWC, got "HWC"'],
    ['colour: RGB', 'models.own.colour: expected one of'],
    ['sha256: abc', 'models.own.sha256: expected 64 lower-case hex digits, got "abc"'],
  ])('refuses %s', (fields, problem) => {
    expect(problemsOf(modelWith(fields))).toEqual([expect.stringMatching(/^troupe\.yaml:1:\d+ /)]);
    expect(problemsOf(modelWith(fields))[0]).toContain(problem);
  });

  it('refuses an input that would not fit into a message, and the name of the model that ships', () => {
    expect(problemsOf('models: { own: { file: m.onnx, size: 4000, dimension: 8 } }')[0]).toContain(
      'models.own.size: expected at most 2500000 pixels in all',
    );
    expect(problemsOf('models: { troupe-tiny: { file: m.onnx, size: 8, dimension: 8 } }')[0]).toContain(
      'models.troupe-tiny: expected another name than troupe-tiny',
    );
  });

  it('names the models there are when a dataset asks for another', () => {
    const models = 'models: { clip: { file: m.onnx, size: 8, dimension: 8 } }';
    expect(problemsOf(`${models}\ndatasets: { photos: { model: clop } }`)).toEqual([
      'troupe.yaml:2:30 datasets.photos.model: expected one of troupe-tiny, clip, or NAME@RANGE for one that was added to the system, got "clop"',
    ]);
    expect(problemsOf(`${models}\ndatasets: { photos: { model: clip } }`)).toEqual([]);
  });
});
