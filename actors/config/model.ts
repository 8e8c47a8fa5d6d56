// An embedding model as a user describes it: the file, how a picture becomes its input, and how its output becomes a
// vector. Datasets refer to it by name, so that several share one description.
import { z } from 'zod';

const side = () => z.int().min(1).max(4096);

/** Largest input: its 8-bit copy must fit into one message (8 MiB). */
const MAX_PIXELS = 2_500_000;

const sizeSchema = z
  .union([side(), z.array(side()).length(2)], {
    error: 'a number of pixels from 1 to 4096, or two: [width, height]',
  })
  .transform((size): [number, number] =>
    typeof size === 'number' ? [size, size] : [size[0] as number, size[1] as number],
  );

/** A number, or a fraction such as `1/255`. */
const scaleSchema = z
  .union([z.number(), z.string()], { error: 'a number or a fraction such as 1/255' })
  .meta({ title: 'number or fraction' })
  .transform((scale, context) => {
    const [, above, below = '1'] = /^(\d+(?:\.\d+)?)(?:\s*\/\s*(\d+(?:\.\d+)?))?$/.exec(String(scale)) ?? [];
    const value = typeof scale === 'number' ? scale : Number(above) / Number(below);
    if (Number.isFinite(value) && value !== 0) return value;
    context.addIssue({ code: 'custom', message: 'a number other than 0 or a fraction such as 1/255' });
    return z.NEVER;
  });

const perChannel = (nonZero: boolean) =>
  z
    .union([z.number(), z.array(z.number()).length(3)], { error: 'one number or three' })
    .transform((value) => (typeof value === 'number' ? [value, value, value] : value))
    .refine((values) => !nonZero || values.every((value) => value !== 0), { error: 'numbers other than 0' });

/** Where a model may run, as the runtime calls its execution providers. */
export const PROVIDERS = ['cuda', 'webgpu', 'cpu'] as const;
export type Provider = (typeof PROVIDERS)[number];

const matryoshkaSchema = z.strictObject({
  dimension: z
    .int()
    .min(1)
    .max(65_536)
    .describe(
      'Numbers that are kept, the first ones; at most `dimension`. Take a size that the model was trained for.',
    ),
  layerNorm: z
    .boolean()
    .default(false)
    .describe(
      'Whether the whole vector is layer-normalised first (mean 0, variance 1), as some models ask for (nomic-embed).',
    ),
});

const resizeSchema = z.strictObject({
  mode: z
    .enum(['shortest', 'exact', 'longest-pad'])
    .default('shortest')
    .describe(
      '`shortest`: the short side becomes `to` and the rest is cropped, as most models were trained. `exact`: width and height become `to`, whatever the aspect ratio. `longest-pad`: the whole picture fits into `to` and is padded.',
    ),
  to: sizeSchema
    .optional()
    .describe('Size in pixels to resize to, one number or [width, height]; without it `size`.'),
  filter: z
    .enum(['bicubic', 'bilinear', 'lanczos', 'box'])
    .default('bicubic')
    .describe(
      "Interpolation, bit for bit as Python's Pillow computes it (antialiased); use the one that the model was trained with.",
    ),
  pad: z
    .array(z.int().min(0).max(255))
    .length(3)
    .default([0, 0, 0])
    .describe('Red, green and blue of the padding, 0 to 255.'),
});

/** The strict schema of one entry under `models:`. */
export const modelConfigSchema = z
  .strictObject({
    file: z
      .string()
      .min(1)
      .describe(
        'The ONNX file, absolute or relative to the configuration file; one self-contained file, without external data.',
      ),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, { error: '64 lower-case hex digits' })
      .optional()
      .describe(
        'Digest that the file must have. Without it whatever is there is used; its digest is recorded.',
      ),
    input: z.string().min(1).optional().describe('Name of the input; by default the only one.'),
    layout: z
      .enum(['NCHW', 'NHWC'])
      .default('NCHW')
      .describe(
        'Order of the input: `NCHW` a plane for each channel (PyTorch), `NHWC` pixel by pixel (TensorFlow).',
      ),
    channels: z
      .enum(['RGB', 'BGR'])
      .default('RGB')
      .describe('Order of the channels; Caffe models want `BGR`.'),
    size: sizeSchema.describe('Size of the input in pixels, one number or [width, height].'),
    resize: resizeSchema.prefault({}).describe('How a picture becomes `size`.'),
    crop: z
      .enum(['center'])
      .default('center')
      .describe('Which part of a picture that is larger than `size` after resizing counts.'),
    scale: scaleSchema
      .prefault('1/255')
      .describe(
        'Samples are 0 to 255; value = (sample · scale - mean) / std. A fraction such as `1/255` is exact; 1 leaves them as they are.',
      ),
    mean: perChannel(false)
      .prefault(0)
      .describe('Subtracted after scaling; one number, or three in the order of `channels`.'),
    std: perChannel(true)
      .prefault(1)
      .describe('Divided by at last; one number, or three in the order of `channels`.'),
    output: z
      .string()
      .min(1)
      .optional()
      .describe('Name of the output that holds the vector; by default the only one.'),
    pooling: z
      .enum(['none', 'mean', 'cls', 'spatial'])
      .default('none')
      .describe(
        '`none`: the output is the vector (N × D). `cls`: the first token of N × T × C. `mean`: the mean over its tokens. `spatial`: the mean over the positions of N × C × H × W.',
      ),
    normalise: z
      .enum(['l2', 'none'])
      .default('l2')
      .describe(
        '`l2` scales vectors to length 1; `none` only where the model does so itself, which is checked.',
      ),
    dimension: z
      .int()
      .min(1)
      .max(65_536)
      .describe('Numbers that the model gives for a picture; checked when the model is loaded.'),
    matryoshka: matryoshkaSchema
      .optional()
      .describe(
        'Shorter vectors, for models that were trained for it: the first numbers, scaled to length 1 again. Another entry with another `dimension` gives another dataset vectors of another length by the same file.',
      ),
    store: z
      .enum(['f32', 'f16', 'i8'])
      .default('f32')
      .describe(
        'How vectors are stored: `f32` as they are, `f16` in half the bytes, `i8` in a quarter, with a scale for each. What is compared is always the stored vector, in double precision, so that every node decides alike.',
      ),
    threads: z
      .int()
      .min(1)
      .max(256)
      .default(1)
      .describe(
        'Threads inside one run on a CPU. More sessions usually give more than more threads (`troupe model bench` measures both). More than 1 is refused where it changes a bit of a vector.',
      ),
    providers: z
      .array(z.enum(PROVIDERS, { error: `one of ${PROVIDERS.join(', ')}` }))
      .nonempty({ error: 'at least one provider' })
      .default(['cpu'])
      .describe(
        'Where the model may run, tried in order. Vectors of different providers differ in bits, so the first one that works is recorded and holds for all nodes of the system (docs/models.md).',
      ),
    batch: z
      .int()
      .min(1)
      .max(64)
      .default(2)
      .describe(
        'Most pictures in one run, in sizes 1, 2, 4, …; only sizes that give the same bits as single pictures are used. On a CPU more gains little and costs cache.',
      ),
  })
  .superRefine(({ size, resize, dimension, matryoshka }, context) => {
    const complain = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
    if (matryoshka !== undefined && matryoshka.dimension > dimension) {
      complain(['matryoshka', 'dimension'], `at most dimension, which is ${dimension}`);
    }
    const [width, height] = size;
    const [toWidth, toHeight] = resize.to ?? size;
    if (width * height > MAX_PIXELS) complain(['size'], `at most ${MAX_PIXELS} pixels in all`);
    if (resize.mode === 'shortest' && resize.to !== undefined && toWidth !== toHeight) {
      complain(['resize', 'to'], 'one number: the length of the short side');
    } else if (resize.mode === 'longest-pad' && (toWidth > width || toHeight > height)) {
      complain(['resize', 'to'], 'at most size, into which the picture is padded');
    } else if (resize.mode !== 'longest-pad' && Math.min(toWidth - width, toHeight - height) < 0) {
      complain(['resize', 'to'], 'at least size, which is cropped from it');
    }
  });

/** A model's description with every default filled in; sizes are [width, height], `mean` and `std` three numbers. */
export type ModelConfig = z.output<typeof modelConfigSchema>;
