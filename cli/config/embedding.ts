// What a node does for others with its models: which it answers for on `troupe.embed.<model>`, and how it makes batches.
import { z } from 'zod';
import { byteSize } from '#actors';

/** Most pictures in one run of a model, by what the machine is. */
export const EMBEDDING_PROFILES = { laptop: 4, staging: 32, production: 512 } as const;
const profiles = Object.keys(EMBEDDING_PROFILES) as (keyof typeof EMBEDDING_PROFILES)[];

export const embeddingSchema = z.strictObject({
  serve: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Models for which this node answers on `troupe.embed.<model>`: troupe-tiny, names under `models`, or `NAME@RANGE` for models that were added to the system (the newest version in the range, also one that is added while the node runs). Each has sessions of its own.',
    ),
  profile: z
    .enum(profiles, { error: `one of ${profiles.join(', ')}` })
    .default('laptop')
    .describe(
      'Most pictures in one run: `laptop` 4, `staging` 32, `production` 512. Batches grow up to it while more items a second come of it.',
    ),
  batch: z.int().min(1).max(4096).optional().describe('Instead of the profile: most pictures in one run.'),
  sessions: z
    .int()
    .min(1)
    .max(64)
    .default(1)
    .describe(
      'Sessions of each model, each on a thread of its own. On a CPU one for each core that may be used up, on a GPU two, so that one is filled while the other runs.',
    ),
  delayMs: z
    .number()
    .min(0)
    .max(10_000)
    .default(2)
    .describe(
      'Longest time in ms that the first picture of a batch waits for others while a session is idle.',
    ),
  latencyMs: z
    .number()
    .min(1)
    .max(600_000)
    .default(1_000)
    .describe('Longest time in ms that one run should take; batches get smaller when it takes longer.'),
  memory: byteSize({ min: 0, max: 2 ** 40 })
    .prefault('64MiB')
    .describe(
      'Vectors kept in memory, for each model; the least recently used go first. 64 MiB are 30,000 vectors of 512 numbers.',
    ),
  waiting: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(1_024)
    .describe(
      'Requests that wait for a session, for each model; beyond it callers are told when to ask again.',
    ),
  perTenant: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(512)
    .describe(
      'Requests of one tenant (header `Troupe-Tenant`) under way at once, so that none of them takes all places.',
    ),
});
