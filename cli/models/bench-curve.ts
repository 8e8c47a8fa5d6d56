// From measured rates to a proposal: where more pictures in a run, more threads or more sessions stop paying.

/** Part of the best rate from which on more is not worth it. */
const ENOUGH = 0.95;
/** By how much threads inside a run must beat as many sessions to be proposed. */
const CLEARLY = 1.05;

export interface BatchCell {
  readonly batch: number;
  readonly threads: number;
  readonly itemsPerS: number;
  /** Whether vectors have the bits of pictures run alone. */
  readonly bits: boolean;
  /** The smallest cosine to vectors of pictures run alone. */
  readonly cosine: number;
}

export interface SessionCell {
  readonly sessions: number;
  readonly itemsPerS: number;
}

export interface Proposal {
  /** For `models.NAME`. */
  readonly batch: number;
  readonly threads: number;
  /** For `node.embedding`. */
  readonly sessions: number;
  readonly itemsPerS: number;
}

/** The smallest batch that gives nearly the best rate of those that count. */
export function kneeOf(cells: readonly BatchCell[]): BatchCell | undefined {
  const best = Math.max(...cells.map(({ itemsPerS }) => itemsPerS));
  return cells
    .toSorted((one, other) => one.batch - other.batch)
    .find(({ itemsPerS }) => itemsPerS >= ENOUGH * best);
}

/** Cells in which vectors keep their bits: the only batch sizes that the pipeline runs. */
export function usableCells(cells: readonly BatchCell[], threads: number): readonly BatchCell[] {
  const ofThreads = cells
    .filter((cell) => cell.threads === threads)
    .toSorted((one, other) => one.batch - other.batch);
  const end = ofThreads.findIndex(({ bits }) => !bits);
  return end === -1 ? ofThreads : ofThreads.slice(0, end);
}

/**
 * Sessions before threads: they never wait for each other, and change no bit.
 * @param sessions Rates of several sessions at the knee with one thread.
 */
export function proposalOf(cells: readonly BatchCell[], sessions: readonly SessionCell[]): Proposal {
  const single = kneeOf(usableCells(cells, 1));
  const bestSessions = Math.max(0, ...sessions.map(({ itemsPerS }) => itemsPerS));
  const enough = sessions
    .toSorted((one, other) => one.sessions - other.sessions)
    .find(({ itemsPerS }) => itemsPerS >= ENOUGH * bestSessions);
  const bySessions: Proposal = {
    batch: single?.batch ?? 1,
    threads: 1,
    sessions: enough?.sessions ?? 1,
    itemsPerS: enough?.itemsPerS ?? single?.itemsPerS ?? 0,
  };
  const counts = [...new Set(cells.map(({ threads }) => threads))].filter((threads) => threads > 1);
  const byThreads = counts
    .flatMap((threads) => kneeOf(usableCells(cells, threads)) ?? [])
    .toSorted((one, other) => other.itemsPerS - one.itemsPerS)[0];
  if (byThreads === undefined || byThreads.itemsPerS <= CLEARLY * bySessions.itemsPerS) return bySessions;
  const { batch, threads, itemsPerS } = byThreads;
  return { batch, threads, sessions: 1, itemsPerS };
}
