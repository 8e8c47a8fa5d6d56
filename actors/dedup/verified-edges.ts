// The verified pairs of a dataset as a set: candidates that were measured, merged however often and from whichever side
// they came, and, at a cut, those of them that count once it is known which keys are hot.
import type { Comparison, Edge } from '../kinds/kind.ts';
import type { CandidatePair } from './claim.ts';

/** A measured pair, and what it was found by. */
export interface VerifiedEdge extends Edge {
  /**
   * Keys that both contents have, where keys alone found them: the edge counts while one of them is not hot. Null when
   * a sliced index found the pair, which always counts.
   */
  readonly keys: readonly string[] | null;
}

/** What verification says of two contents. */
export type Measurement = Comparison & Pick<Edge, 'similarity'>;

/** The edge of a candidate pair that was measured. */
export function verifiedEdge(
  { a, b, distances, similarity, keys }: CandidatePair,
  measured: Measurement,
): VerifiedEdge {
  const sliced = similarity !== null || Object.keys(distances).length > 0;
  return { a, b, hashes: distances, ...measured, keys: sliced ? null : keys };
}

/** Edges by their two contents. Adding is idempotent and commutative. */
export class VerifiedEdges {
  readonly #edges = new Map<string, VerifiedEdge>();

  get size(): number {
    return this.#edges.size;
  }

  add(edge: VerifiedEdge): void {
    const name = edge.a + edge.b;
    const known = this.#edges.get(name);
    this.#edges.set(name, known === undefined ? edge : merged(known, edge));
  }

  /** Forgets the pairs of contents. */
  remove(contents: ReadonlySet<string>): void {
    for (const [name, { a, b }] of this.#edges) {
      if (contents.has(a) || contents.has(b)) this.#edges.delete(name);
    }
  }

  has({ a, b }: Pick<Edge, 'a' | 'b'>): boolean {
    return this.#edges.has(a + b);
  }

  /**
   * The edges that count, sorted by their contents, each with those of its keys that are not hot. A key that is not hot
   * now never was, so that whoever came later was told of everyone under it: the result is the same for every order in
   * which the contents came.
   */
  counting(isHot: (key: string) => boolean): readonly VerifiedEdge[] {
    const counting: VerifiedEdge[] = [];
    for (const edge of this.#edges.values()) {
      const keys = edge.keys?.filter((key) => !isHot(key)) ?? null;
      if (keys === null || keys.length > 0) counting.push({ ...edge, keys });
    }
    return counting.sort((one, other) => (one.a + one.b < other.a + other.b ? -1 : 1));
  }
}

/** Of two claims at the same time, one may have seen the other by some indexes and been seen by the rest. */
function merged(one: VerifiedEdge, other: VerifiedEdge): VerifiedEdge {
  const hashes = Object.entries({ ...one.hashes, ...other.hashes }).sort(([a], [b]) => (a < b ? -1 : 1));
  return { ...one, hashes: Object.fromEntries(hashes), keys: unionOf(one.keys, other.keys) };
}

function unionOf(one: readonly string[] | null, other: readonly string[] | null): readonly string[] | null {
  return one === null || other === null ? null : [...new Set([...one, ...other])].sort();
}
