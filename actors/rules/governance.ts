// Governance by source: which sources are refused before any cost, which are flagged, and which are preferred.
import type { DatasetConfig } from '../config.ts';

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

/** Shell-like match over the whole text: `*` any run of characters, `?` one character. Linear in time. */
export function globMatches(pattern: string, text: string): boolean {
  let at = 0;
  let inText = 0;
  let star = -1;
  let resume = 0;
  while (inText < text.length) {
    if (at < pattern.length && pattern[at] === '*') {
      star = at++;
      resume = inText;
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === text[inText])) {
      at++;
      inText++;
    } else if (star !== -1) {
      at = star + 1;
      inText = ++resume;
    } else return false;
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}
