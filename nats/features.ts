// What the connected server can do, probed once at connect from its version and JetStream API level. Everything
// here works on 2.9.10; a feature which is missing degrades, and `degraded` says so for the log and `status`.

/** What the connected server can do. */
export interface ServerFeatures {
  /** As the server states it, e.g. `2.10.27`. */
  readonly version: string;
  /** JetStream API level; 0 before 2.11. */
  readonly apiLevel: number;
  /** `term` may carry a reason; before 2.10.4 such a term is ignored and the message comes back. */
  readonly termReason: boolean;
  /** Compare-and-set against another subject's last sequence (from 2.11). */
  readonly fenceSubject: boolean;
  /** Several messages stored together or not at all (from 2.12). */
  readonly atomicBatch: boolean;
  /** Unknown configuration fields are refused, not ignored (from 2.12). */
  readonly strictConfig: boolean;
  /** What does without, in words for people; empty on the newest servers. */
  readonly degraded: readonly string[];
}

/** Derives the features from version and API level. An unreadable version counts as the oldest. */
export function featuresOf(version: string, apiLevel: number): ServerFeatures {
  const number = parseVersion(version);
  const from = (major: number, minor: number, patch: number) => compare(number, [major, minor, patch]) >= 0;
  const features = {
    termReason: from(2, 10, 4),
    fenceSubject: from(2, 11, 0) && apiLevel >= 1,
    atomicBatch: from(2, 12, 0) && apiLevel >= 2,
    strictConfig: from(2, 12, 0),
  };
  const degraded: string[] = [];
  if (!features.termReason) degraded.push('terminated messages carry no reason (2.10.4)');
  if (!features.fenceSubject) degraded.push('journals are fenced one subject at a time (2.11)');
  if (!features.atomicBatch) degraded.push('no atomic batches (2.12)');
  if (!features.strictConfig)
    degraded.push('unknown configuration is ignored, so echoes are compared (2.12)');
  return { version, apiLevel, ...features, degraded };
}

type VersionNumber = readonly [number, number, number];

function parseVersion(version: string): VersionNumber {
  const match = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version);
  return match === null ? [0, 0, 0] : [Number(match[1]), Number(match[2]), Number(match[3])];
}

function compare(a: VersionNumber, b: VersionNumber): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}
