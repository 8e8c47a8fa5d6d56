// When the keeper cuts a manifest by itself.
import { z } from 'zod';

export const cutSchema = z.strictObject({
  everyItems: z
    .int()
    .min(1)
    .max(1_000_000_000)
    .optional()
    .describe(
      'Cut a manifest when this many sequences have settled since the last one. Without it nothing is cut by number. A cut costs what changed plus a pass over the ledger, so let it be a good part of what arrives in an hour.',
    ),
  quietMinutes: z
    .number()
    .min(0.01)
    .max(43_200)
    .optional()
    .describe(
      'Cut a manifest when something has settled since the last one and then nothing for this many minutes. Without it nothing is cut by time.',
    ),
});

/** The cut policy of a dataset. */
export type CutConfig = z.output<typeof cutSchema>;
