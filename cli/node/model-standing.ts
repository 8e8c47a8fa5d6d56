// What a node tells of the model of a dataset, and how `status` reads it.
import { z } from 'zod';
import { type ModelIdentity, PROVIDERS, VECTOR_PRECISIONS } from '#actors';

export const modelStandingSchema = z.object({
  name: z.string(),
  /** sha256 of the model file; absent where an older program answers. */
  digest: z.string().exactOptional(),
  /** Of one that was added to the system. */
  version: z.string().exactOptional(),
  provider: z.enum(PROVIDERS),
  /** How its vectors are stored. */
  precision: z.enum(VECTOR_PRECISIONS),
  dimension: z.number(),
  /** Providers that were to come first and do not work. */
  unavailable: z.array(z.object({ provider: z.enum(PROVIDERS), reason: z.string() })).default([]),
});

export type ModelStanding = z.infer<typeof modelStandingSchema>;

export function modelStanding({
  name,
  digest,
  version,
  provider,
  precision,
  dimension,
  unavailable = [],
}: ModelIdentity): ModelStanding {
  const standing = { name, digest, provider, precision, dimension, unavailable: [...unavailable] };
  return version === undefined ? standing : { ...standing, version };
}
