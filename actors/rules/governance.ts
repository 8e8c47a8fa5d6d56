// Governance by source: which sources are refused before any cost, which are flagged, and which are preferred.
import type { DatasetConfig } from '../config/index.ts';
import { globMatches } from './glob.ts';

type Governance = DatasetConfig['governance'];

/** The pattern that refuses this source, or undefined. */
export function refusedSource(governance: Governance, source: string): string | undefined {
  return governance.refuseSources.find((pattern) => globMatches(pattern, source));
}

/** The pattern that flags this source, or undefined. */
export function flaggedSource(governance: Governance, source: string): string | undefined {
  return governance.flagSources.find((pattern) => globMatches(pattern, source));
}

/** Preference of a source, larger is better: listed sources in their order, all others 0. */
export function sourceRank(governance: Governance, source: string): number {
  const at = governance.sourceRank.findIndex((pattern) => globMatches(pattern, source));
  return at === -1 ? 0 : governance.sourceRank.length - at;
}
