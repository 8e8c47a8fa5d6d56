// `troupe model bench`: items a second by batch size, threads and sessions on this machine, each session on a thread of its
// own as in the product, and whether batches give the vectors of pictures run alone.
import { MeasuredSession, MeasureFailed, type ModelFacts, type ModelIdentity, ModelUnusable } from '#actors';
import { asModelFailure } from '../node/resolve-model.ts';
import {
  type BatchCell,
  kneeOf,
  type Proposal,
  proposalOf,
  type SessionCell,
  usableCells,
} from './bench-curve.ts';

/** Batches must agree with single pictures at least so far. */
export const LEAST_COSINE = 0.9999;

export interface BenchWishes {
  readonly maxBatch: number;
  /** Thread counts inside one run. */
  readonly threads: readonly number[];
  /** Most sessions at once. */
  readonly maxSessions: number;
  /** Time for each cell. */
  readonly cellMs: number;
  readonly signal: AbortSignal;
  readonly onProgress: (text: string) => void;
}

export interface ModelBench {
  readonly model: string;
  readonly dimension: number;
  readonly provider: ModelFacts['provider'];
  readonly unavailable: ModelFacts['unavailable'];
  readonly cells: readonly BatchCell[];
  readonly sessions: readonly SessionCell[];
  /** Where more pictures in a run stop paying, with one thread. */
  readonly knee: BatchCell | null;
  readonly proposal: Proposal;
  /** The smallest cosine of all batches. */
  readonly cosine: number;
  /** What could not be measured, and why. */
  readonly remarks: readonly string[];
}

/** @throws CommandError `config_invalid`; the signal's reason */
export async function benchModel(model: ModelIdentity, wishes: BenchWishes): Promise<ModelBench> {
  const cells: BatchCell[] = [];
  const remarks: string[] = [];
  let facts: ModelFacts | undefined;
  for (const threads of wishes.threads) {
    try {
      const found = await benchThreads(model, threads, wishes, cells, remarks);
      facts ??= found;
    } catch (error) {
      if (!(error instanceof ModelUnusable) || error.setting !== 'threads')
        throw asModelFailure(error, model.name);
      remarks.push(`threads ${threads}: ${error.message}`);
    }
  }
  const knee = kneeOf(usableCells(cells, 1)) ?? null;
  const sessions = await benchSessions(model, knee?.batch ?? 1, wishes);
  return {
    model: model.name,
    dimension: model.dimension,
    provider: facts?.provider ?? 'cpu',
    unavailable: facts?.unavailable ?? [],
    cells,
    sessions,
    knee,
    proposal: proposalOf(cells, sessions),
    cosine: Math.min(1, ...cells.map(({ cosine }) => cosine)),
    remarks,
  };
}

/** Fills in the cells of one thread count; a batch that fails ends them. */
async function benchThreads(
  model: ModelIdentity,
  threads: number,
  { maxBatch, cellMs, signal, onProgress }: BenchWishes,
  cells: BatchCell[],
  remarks: string[],
): Promise<ModelFacts> {
  await using session = await MeasuredSession.open(model.session, { threads, batch: 1 }, signal);
  for (let batch = 1; batch <= maxBatch; batch *= 2) {
    onProgress(`batch ${batch}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`);
    try {
      const { bits, cosine } = await session.agreement(batch);
      const { items, ms } = await session.rate(batch, cellMs);
      cells.push({ batch, threads, itemsPerS: (items / ms) * 1_000, bits, cosine });
    } catch (error) {
      if (!(error instanceof MeasureFailed)) throw error;
      remarks.push(`batch ${batch}: ${error.message}`);
      break;
    }
  }
  return session.facts;
}

/** Rates of 1, 2, … sessions at once, each with one thread. */
async function benchSessions(
  model: ModelIdentity,
  batch: number,
  { maxSessions, cellMs, signal, onProgress }: BenchWishes,
): Promise<readonly SessionCell[]> {
  const found: SessionCell[] = [];
  await using opened = new AsyncDisposableStack();
  const all: MeasuredSession[] = [];
  for (let sessions = 1; sessions <= maxSessions; sessions += 1) {
    onProgress(`${sessions} ${sessions === 1 ? 'session' : 'sessions'} of batch ${batch}`);
    all.push(opened.use(await MeasuredSession.open(model.session, { threads: 1, batch: 1 }, signal)));
    const rates = await Promise.all(all.map((each) => each.rate(batch, cellMs)));
    const itemsPerS = rates.reduce((sum, { items, ms }) => sum + (items / ms) * 1_000, 0);
    found.push({ sessions, itemsPerS });
  }
  return found;
}
