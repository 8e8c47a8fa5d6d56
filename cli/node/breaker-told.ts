// A breaker as a node tells of it, for whoever gathers the state of a system.
import { z } from 'zod';
import type { BreakerSnapshot } from '#runtime';

export const breakerSchema: z.ZodType<BreakerSnapshot> = z.object({
  path: z.string(),
  name: z.string(),
  state: z.enum(['closed', 'open', 'half_open']),
  failures: z.number(),
  retryMs: z.number().exactOptional(),
  lastFailure: z.object({ name: z.string(), message: z.string(), atMs: z.number() }).exactOptional(),
});
