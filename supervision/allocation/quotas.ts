// How many shards each node is to have. A node's share is its weight's part of all shards; its quota is that share
// rounded down or up. Who is rounded up is free, and is chosen so that as few shards as possible have to move.
import { InvalidSupervisionOptions } from '../options-error.ts';

/** A node as far as its share counts. */
export interface ShareHolder {
  readonly id: string;
  /** Above 0; shares are proportional to it. */
  readonly weight: number;
  /** Shards that it has now. */
  readonly held: number;
  /** Of these, shards that it keeps whatever its share is; default 0. */
  readonly pinned?: number;
}

interface Rounding {
  readonly holder: ShareHolder;
  readonly floor: number;
  readonly fraction: number;
}

/** Shares are sums of fractions: what lies so close to a whole number is one. */
const nearlyWhole = 1e-9;

/**
 * The quota of each node, by id; together they are `shards`. No choice of roundings needs fewer moves: a node that
 * has more than its share rounded down is rounded up first, the largest fraction before others. A node with more
 * pinned shards than its share has those for a quota, and the others share what is left.
 * @throws InvalidSupervisionOptions for a weight that is not above 0
 */
export function quotas(shards: number, holders: readonly ShareHolder[]): ReadonlyMap<string, number> {
  const quotaOf = shareOut(shards, holders);
  const isOver = ({ id, pinned = 0 }: ShareHolder) => pinned > (quotaOf.get(id) ?? 0);
  const over = holders.filter(isOver);
  if (over.length === 0) return quotaOf;
  const kept = over.map(({ id, pinned = 0 }) => [id, pinned] as const);
  const left = kept.reduce((sum, [, pinned]) => sum - pinned, shards);
  return new Map([
    ...kept,
    ...quotas(
      left,
      holders.filter((holder) => !isOver(holder)),
    ),
  ]);
}

function shareOut(shards: number, holders: readonly ShareHolder[]): ReadonlyMap<string, number> {
  const total = holders.reduce((sum, { weight }) => sum + weight, 0);
  const roundings = holders.map((holder) => round(shards, total, holder));
  let left = shards - roundings.reduce((sum, { floor }) => sum + floor, 0);
  const quotaOf = new Map(roundings.map(({ holder, floor }) => [holder.id, floor]));
  for (const { holder, floor } of roundings.sort(roundedUpFirst)) {
    if (left === 0) break;
    quotaOf.set(holder.id, floor + 1);
    left -= 1;
  }
  return quotaOf;
}

function round(shards: number, total: number, holder: ShareHolder): Rounding {
  if (!(holder.weight > 0 && Number.isFinite(holder.weight))) {
    throw new InvalidSupervisionOptions(
      `the weight of node ${holder.id} must be above 0, but was ${holder.weight}`,
    );
  }
  const share = (shards * holder.weight) / total;
  const floor = Math.floor(share + nearlyWhole);
  return { holder, floor, fraction: Math.max(0, share - floor) };
}

/** Whole shares are never rounded up, since there are always enough fractions to take what is left. */
function roundedUpFirst(one: Rounding, other: Rounding): number {
  const whole = (rounding: Rounding) => (rounding.fraction < nearlyWhole ? 1 : 0);
  const keeps = (rounding: Rounding) => (rounding.holder.held > rounding.floor ? 0 : 1);
  return (
    whole(one) - whole(other) ||
    keeps(one) - keeps(other) ||
    other.fraction - one.fraction ||
    (one.holder.id < other.holder.id ? -1 : 1)
  );
}
