// What an item may cost.
import { z } from 'zod';
import { byteSize } from './byte-size.ts';

export const limitsSchema = z.strictObject({
  maxBytes: byteSize({ min: 1, max: 2 ** 32 })
    .prefault('32MiB')
    .describe(
      'Largest content that is read. Larger items are dead with `too_large`: an unbounded read would let one item use up the memory of a node. The default holds a JPEG of some hundred megapixels, and costs a node with strangers no more than that.',
    ),
  maxPixels: z
    .int()
    .min(1)
    .max(2_000_000_000)
    .default(100_000_000)
    .describe(
      'Largest image that is decoded, width times height. A small file can declare a huge picture, so this is checked before any pixel is decoded.',
    ),
  maxMetadataBytes: byteSize({ min: 0, max: 2 ** 20 })
    .prefault(65536)
    .describe(
      'Largest metadata of one item as JSON. It travels with the item through every stage, for the rules, and is kept in its payload for ever.',
    ),
  maxJsonDepth: z
    .int()
    .min(1)
    .max(256)
    .default(32)
    .describe('Deepest nesting of a JSON intake message. Deeper ones are dead with `bad_envelope`.'),
});
