// What a cut makes of pairs with contents of other datasets: an item that one of them has is rejected, as the actions say
// for its relation; an uncertain pair sends it to review.

import type { DatasetConfig } from '../config/index.ts';
import { type PairRelation, relationOf } from '../dedup/relation.ts';
import type { Edge } from '../kinds/kind.ts';
import type { Judgement } from '../pipeline/messages.ts';

type Dedup = DatasetConfig['dedup'];
type Relation = 'exact' | PairRelation;
export type EdgeAgainst = Edge & { readonly against: string };

/** Whether a pair joins a content with one of another dataset. */
export function isAgainst(edge: Edge): edge is EdgeAgainst {
  return edge.against !== undefined;
}

/** How the two contents of such a pair are related; undefined for not at all. */
export function relationAgainst(edge: EdgeAgainst, dedup: Dedup): Relation | undefined {
  return edge.a === edge.b ? 'exact' : relationOf(edge, dedup);
}

/** What other datasets have, by the contents that they have it of. */
export class ContentsAgainst {
  readonly #edges = new Map<string, EdgeAgainst[]>();
  readonly #dedup: Dedup;

  /** Only pairs with datasets that the configuration names count. */
  constructor(edges: readonly Edge[], dedup: Dedup) {
    const named = new Set(dedup.against ?? []);
    this.#dedup = dedup;
    for (const edge of edges) {
      if (!isAgainst(edge) || !named.has(edge.against)) continue;
      for (const content of new Set([edge.a, edge.b])) {
        const known = this.#edges.get(content);
        if (known === undefined) this.#edges.set(content, [edge]);
        else known.push(edge);
      }
    }
  }

  /** The judgement of an eligible item with this content, other datasets considered. */
  judge(judgement: Judgement, content: string): Judgement {
    const edges = this.#edges.get(content);
    if (edges === undefined || judgement.verdict !== 'eligible') return judgement;
    const reasons = { rejected: new Set<string>(), review: new Set<string>() };
    for (const edge of edges) {
      const relation = relationAgainst(edge, this.#dedup);
      const action = relation === undefined ? 'keep' : this.#dedup.actions[relation];
      if (action === 'drop') reasons.rejected.add(`against.${edge.against}.${relation}`);
      if (action === 'review') reasons.review.add(`against.${edge.against}.uncertain`);
    }
    const verdict = reasons.rejected.size > 0 ? 'rejected' : reasons.review.size > 0 ? 'review' : undefined;
    if (verdict === undefined) return judgement;
    return { ...judgement, verdict, reasons: [...judgement.reasons, ...reasons[verdict]].sort() };
  }
}
