// Derives manifest rows from the ledger: judgements, stars, keep-best. Pure: the same entries, edges and
// configuration give the same rows on any node and in any order (G5); `verify` derives a manifest again with it.
import { type PairThresholds, relationOf, thresholdsOf } from '../dedup/relation.ts';
import { type Action, formStars, type StarItem, type StarPlace } from '../dedup/stars.ts';
import type { Edge } from '../kinds/kind.ts';
import type { Judgement } from '../pipeline/messages.ts';
import type { JudgingContext } from '../rules/judging-context.ts';
import { ContentsAgainst, isAgainst } from './cut-against.ts';
import type { JudgedEntry } from './ledger-events.ts';
import { canonicalRows, type ManifestRow } from './manifest.ts';

/** An item with the judgement that counts at this cut. */
export interface CutItem {
  readonly entry: JudgedEntry;
  readonly judgement: Judgement;
}

/** Rows in canonical order. */
export function deriveRows(
  items: readonly CutItem[],
  edges: readonly Edge[],
  judging: Pick<JudgingContext, 'config'>,
): readonly ManifestRow[] {
  const { dedup } = judging.config;
  const against = new ContentsAgainst(edges, dedup);
  const eligible: StarItem[] = [];
  const judged = items.map(({ entry, judgement }): CutItem => {
    if (entry.facts === null) return { entry, judgement };
    const { content } = entry.facts;
    const considered = against.judge(judgement, content);
    if (considered.verdict === 'eligible') eligible.push({ item: entry.item, content, rank: judgement.rank });
    return { entry, judgement: considered };
  });
  const own = edges.filter((edge) => !isAgainst(edge));
  const places = formStars(eligible, own, {
    actions: dedup.actions,
    relationOf: (edge) => relationOf(edge, dedup),
  });
  return canonicalRows(judged.map((item) => row(item, places.get(item.entry.item), dedup)));
}

function row(
  { entry, judgement }: CutItem,
  place: StarPlace | undefined,
  thresholds: PairThresholds,
): ManifestRow {
  const reasons =
    place?.action === 'review' ? [...judgement.reasons, 'pair.uncertain'].sort() : judgement.reasons;
  return {
    item: entry.item,
    id: entry.id,
    content: entry.facts?.content ?? null,
    outcome: place === undefined ? outcomeOf(judgement) : OUTCOMES[place.action],
    relation: place?.relation ?? null,
    survivor: place?.survivor ?? null,
    score: judgement.score,
    reasons: [...reasons],
    evidence: place === undefined ? null : evidenceOf(place, thresholds),
    family: place?.family ?? null,
  };
}

const OUTCOMES: Readonly<Record<Action, ManifestRow['outcome']>> = {
  drop: 'duplicate',
  group: 'kept',
  review: 'review',
  keep: 'kept',
};

function evidenceOf({ edge, relation }: StarPlace, thresholds: PairThresholds): ManifestRow['evidence'] {
  if (edge === null) return null;
  const { hashes, distance, turned, similarity, algorithm } = edge;
  return {
    hashes,
    distance,
    ...(turned !== undefined && { turned }),
    similarity,
    threshold: thresholdsOf(relation, thresholds),
    algorithm,
  };
}

function outcomeOf(judgement: Judgement): 'rejected' | 'review' {
  return judgement.verdict === 'rejected' ? 'rejected' : 'review';
}

/** Ids under which more than one content stands. */
export function conflictingIds(
  items: readonly CutItem[],
): readonly { code: string; id: string; items: string[] }[] {
  const byId = new Map<string, { readonly contents: Set<string | null>; readonly items: string[] }>();
  for (const { entry } of items) {
    const under = byId.get(entry.id) ?? { contents: new Set(), items: [] };
    under.contents.add(entry.facts?.content ?? null);
    under.items.push(entry.item);
    byId.set(entry.id, under);
  }
  return [...byId]
    .filter(([, { contents }]) => contents.size > 1)
    .map(([id, under]) => ({ code: 'id.two_contents', id, items: under.items.sort() }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}
