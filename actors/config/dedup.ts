// How duplicates are found, confirmed and treated.
import { z } from 'zod';
import { DEFAULT_PIXEL_THRESHOLD } from '../image/pixel-comparison.ts';
import { calibrationSchema } from './calibration.ts';

const fraction = () => z.number().min(0).max(1);
const radius = () => z.int().min(0).max(16);

const actionsSchema = z.strictObject({
  exact: z
    .enum(['drop', 'group', 'keep'])
    .default('drop')
    .describe(
      'What becomes of an item whose bytes equal those of a survivor: `drop` it as a duplicate, keep it tagged as one `group`, or `keep` it untouched.',
    ),
  near: z
    .enum(['drop', 'group', 'keep'])
    .default('drop')
    .describe('The same for perceptual candidates that pixels or vectors confirmed.'),
  transformed: z
    .enum(['drop', 'group', 'keep'])
    .default('group')
    .describe('The same for a picture that equals another one mirrored, or turned by a multiple of 90°.'),
  semantic: z
    .enum(['drop', 'group', 'keep'])
    .default('group')
    .describe('The same for items that only their vectors call alike (`vectors.semantic`).'),
  uncertain: z
    .enum(['review', 'keep'])
    .default('review')
    .describe(
      'What becomes of the lesser item of a pair in the middle band: it waits in `review` for a person, or is kept (`keep`).',
    ),
});

const pixelsSchema = z
  .strictObject({
    near: fraction()
      .default(DEFAULT_PIXEL_THRESHOLD)
      .describe('Largest distance of the 64 by 64 comparison (0 equal, 1 opposite) that confirms a pair.'),
    review: fraction()
      .nullable()
      .default(null)
      .describe(
        'Largest distance that a person should look at; at least `near`, and equal to it leaves no band. `null` is 0.01 above `near`.',
      ),
  })
  .refine((pixels) => pixels.review === null || pixels.review >= pixels.near, {
    message: 'at least near',
    path: ['review'],
  });

const vectorsSchema = z
  .strictObject({
    near: fraction()
      .nullable()
      .default(null)
      .describe(
        'Smallest cosine of two vectors that confirms a pair. `null` leaves the decision to pixels: small models call too much alike.',
      ),
    review: fraction()
      .nullable()
      .default(null)
      .describe('Smallest cosine that a person should look at. At most `near`; `null` for no band.'),
    semantic: fraction()
      .nullable()
      .default(null)
      .describe(
        'Smallest cosine from which vectors alone propose and relate a pair, as `semantic`: every vector of the dataset is then held in memory and compared with each new one. `null` for neither.',
      ),
  })
  .refine((vectors) => vectors.review === null || (vectors.near !== null && vectors.review <= vectors.near), {
    message: 'at most near, which must be given',
    path: ['review'],
  });

export const dedupSchema = z.strictObject({
  phashRadius: radius()
    .default(10)
    .describe(
      'Hamming distance of the 64-bit pHash up to which two images are candidates. Re-encodes and resizes lie within 4, a 5 % crop within 10; candidates are only proposed, never dropped, by it.',
    ),
  dhashRadius: radius()
    .default(10)
    .describe('The same for dHash, which finds what pHash misses (a watermark, say).'),
  transformedRadius: radius()
    .default(4)
    .describe(
      'The same for the pHash of an image in its seven other orientations, mirrored or turned by multiples of 90°.',
    ),
  pixels: pixelsSchema
    .prefault({})
    .describe('The pixel comparison. A pair is near when pixels or vectors confirm it.'),
  vectors: vectorsSchema.prefault({}).describe("The comparison of the model's vectors."),
  actions: actionsSchema.prefault({}).describe('What becomes of verified duplicates, by relation.'),
  against: z
    .array(z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, { error: 'the name of a dataset' }))
    .optional()
    .describe(
      'Other datasets that every item is held against, without becoming part of them: an item that one of them has, by what `actions` drops, is rejected with `against.DATASET.RELATION`; an uncertain pair waits in review. What they have when an item comes, or is compared anew, counts.',
    ),
  calibration: calibrationSchema
    .optional()
    .describe(
      'Where thresholds come from: written by `troupe calibrate --apply` (docs/calibrate.md), and without effect but on the digest.',
    ),
});

/** Whether an item may be dropped because of a vector. */
export function vectorsDrop({ vectors, actions }: z.output<typeof dedupSchema>): boolean {
  return (
    (vectors.near !== null && (actions.near === 'drop' || actions.transformed === 'drop')) ||
    (vectors.semantic !== null && actions.semantic === 'drop')
  );
}
