// Whether a system did its work: every item decided once, announced once, and decided as elsewhere.
import type { SystemClient } from '../../tests/support/system-client.ts';

/** What became of `count` items. */
export interface Verified {
  readonly digest: string;
  readonly lost: number;
  /** Outcomes that were announced for an item beyond the first. */
  readonly duplicated: number;
}

/** @throws when the audit does not balance */
export async function verify(client: SystemClient, count: number): Promise<Verified> {
  const { manifest } = await client.cut();
  const report = await client.audit();
  if (!report.balanced) throw new Error(`the audit does not balance: ${JSON.stringify(report)}`);
  const outcomes = await client.outcomes();
  const announced = new Set(outcomes.map(({ sequence }) => sequence));
  return {
    digest: manifest.digest,
    lost: report.missing.length + (count - announced.size),
    duplicated: outcomes.length - announced.size,
  };
}
