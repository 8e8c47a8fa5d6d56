// What may enter by source.
import { z } from 'zod';

const sourceGlobs = () => z.array(z.string().min(1)).default([]);

export const governanceSchema = z.strictObject({
  refuseSources: sourceGlobs().describe(
    'Sources (globs, `*` matches any run of characters) whose items are rejected before anything is fetched or decoded.',
  ),
  flagSources: sourceGlobs().describe(
    'Sources whose items carry a compliance flag: they are kept, but lose to an unflagged duplicate.',
  ),
  sourceRank: sourceGlobs().describe(
    'Sources, best first. Of duplicates the one from the best source survives; sources that are not named come last.',
  ),
});
