// A version of a model as the system records it: its file by digest, its settings, and how it behaved where it was added.
import semver from 'semver';
import { z } from 'zod';
import { modelConfigSchema, PROVIDERS } from '#actors';

export const modelRecordSchema = z.object({
  name: z.string(),
  version: z.string(),
  /** sha256 of the file, which is its name in the bucket. */
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.int().positive(),
  /** As under `models:`; its `file` is only a name. */
  settings: modelConfigSchema,
  determinism: z.object({
    provider: z.enum(PROVIDERS),
    /** Whether a picture run alone again gives the same bits. */
    repeats: z.boolean(),
    /** Vectors of batches beside those of pictures run alone, at every position. */
    batches: z.array(z.object({ batch: z.int(), bits: z.boolean(), cosine: z.number() })),
    platform: z.string(),
  }),
  added: z.string(),
});

export type ModelRecord = z.infer<typeof modelRecordSchema>;
export type Determinism = ModelRecord['determinism'];

/** How the pipeline runs a model, by what was measured. */
export function determinismText({ provider, repeats, batches }: Determinism): string {
  if (!repeats) {
    return `on ${provider} a picture gives other bits each time: its vectors may group, and are refused where they would drop`;
  }
  const end = batches.findIndex(({ bits }) => !bits);
  const equal = (end === -1 ? batches : batches.slice(0, end)).at(-1)?.batch ?? 1;
  if (end === -1) return `on ${provider} every bit is equal in batches of 1 to ${equal}, at every position`;
  return `on ${provider} batches of ${batches[end]?.batch} change bits (cosine ${batches[end]?.cosine}): verdicts use batches of at most ${equal}`;
}

/** Versions with the same major have vectors of the same length, so that one can take another's place. */
export function nextVersion(
  versions: readonly Pick<ModelRecord, 'version' | 'settings'>[],
  dimension: number,
): string {
  const newest = versions.toSorted((one, other) => semver.rcompare(one.version, other.version))[0];
  if (newest === undefined) return '1.0.0';
  const step = lengthOfVectors(newest.settings) === dimension ? 'minor' : 'major';
  return semver.inc(newest.version, step) ?? '1.0.0';
}

/** Why a version must not be added beside those that are there; undefined where it may. */
export function versionProblem(
  versions: readonly Pick<ModelRecord, 'version' | 'settings'>[],
  version: string,
  dimension: number,
): string | undefined {
  if (versions.some((each) => each.version === version)) {
    return `version ${version} is there already with another file or other settings; name none to get the next one`;
  }
  const other = versions.find(
    (each) =>
      semver.major(each.version) === semver.major(version) && lengthOfVectors(each.settings) !== dimension,
  );
  if (other === undefined) return undefined;
  return `version ${version} would take the place of ${other.version}, whose vectors have ${lengthOfVectors(other.settings)} numbers, not ${dimension}: give it another major version`;
}

export function lengthOfVectors({ dimension, matryoshka }: ModelRecord['settings']): number {
  return matryoshka?.dimension ?? dimension;
}
