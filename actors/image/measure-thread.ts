// The worker thread that measures one session: how many pictures a second it runs in batches of a size, and whether their
// vectors are those of pictures run alone. The parent is `MeasuredSession`.
import { parentPort, workerData } from 'node:worker_threads';
import type { ModelConfig } from '../config/model.ts';
import { ModelSession, sameBits } from './model-session.ts';
import { ModelUnusable } from './model-unusable.ts';
import { noise } from './noise.ts';
import { type ModelFacts, type SessionSpec, sessionSpecSchema } from './session-spec.ts';

/** Run batches of this size for so long, or compare them. */
export type MeasureRequest =
  | { readonly type: 'rate'; readonly batch: number; readonly ms: number }
  | { readonly type: 'agreement'; readonly batch: number }
  | { readonly type: 'close' };

export interface MeasuredRate {
  readonly items: number;
  readonly ms: number;
}

/** Vectors of a batch beside those of the same pictures run alone. */
export interface MeasuredAgreement {
  /** Whether all bits are equal, at every position and beside other neighbours. */
  readonly bits: boolean;
  /** The smallest cosine. */
  readonly cosine: number;
}

export type MeasureAnswer =
  | { readonly ready: ModelFacts }
  | { readonly refused: { readonly setting: keyof ModelConfig; readonly message: string } }
  | { readonly result: MeasuredRate | MeasuredAgreement }
  | { readonly failed: string };

/** What the thread is started with. */
export interface MeasureThreadData {
  readonly session: SessionSpec;
  /** Not 0 once the parent wants no more. */
  readonly stopping: Int32Array;
}

/** Runs that a rate is made of at least: the first one is not counted. */
const LEAST_RUNS = 2;

const { session: given, stopping } = workerData as MeasureThreadData;
const spec = sessionSpecSchema.parse(given);
const alone = new Map<number, Float32Array>();

function picturesOf(batch: number): Uint8Array[] {
  return Array.from({ length: batch }, (_, at) => noise(spec.size, at + 1));
}

async function rate(session: ModelSession, batch: number, ms: number): Promise<MeasuredRate> {
  const pictures = picturesOf(batch);
  await session.runAtOnce(pictures);
  const startedMs = performance.now();
  for (let runs = 1; ; runs += 1) {
    await session.runAtOnce(pictures);
    throwIfStopping();
    const tookMs = performance.now() - startedMs;
    if (runs >= LEAST_RUNS && tookMs >= ms) return { items: runs * batch, ms: tookMs };
  }
}

/** Looked at between runs: a thread that is ended within one takes the process with it. */
function throwIfStopping(): void {
  if (Atomics.load(stopping, 0) !== 0) throw new Error('the parent wants no more');
}

async function agreement(session: ModelSession, batch: number): Promise<MeasuredAgreement> {
  const pictures = picturesOf(batch);
  for (const [at, picture] of pictures.entries()) {
    throwIfStopping();
    if (!alone.has(at)) alone.set(at, (await session.runAtOnce([picture]))[0] as Float32Array);
  }
  const singles = pictures.map((_, at) => alone.get(at) as Float32Array);
  throwIfStopping();
  const forth = await session.runAtOnce(pictures);
  throwIfStopping();
  const back = (await session.runAtOnce(pictures.toReversed())).toReversed();
  const pairs = [forth, back].flatMap((vectors) =>
    vectors.map((vector, at) => [vector, singles[at]] as const),
  );
  return {
    bits: pairs.every(([vector, single]) => single !== undefined && sameBits(vector, single)),
    cosine: Math.min(...pairs.map(([vector, single]) => cosineOf(vector, single ?? vector))),
  };
}

function cosineOf(a: Float32Array, b: Float32Array): number {
  let [product, squaresA, squaresB] = [0, 0, 0];
  for (const [at, value] of a.entries()) {
    const other = b[at] ?? 0;
    product += value * other;
    squaresA += value * value;
    squaresB += other * other;
  }
  return product / Math.sqrt(squaresA * squaresB);
}

async function serve(own: SessionSpec): Promise<void> {
  const tell = (message: MeasureAnswer) => parentPort?.postMessage(message);
  let session: ModelSession;
  try {
    session = await ModelSession.open(own);
  } catch (error) {
    if (!(error instanceof ModelUnusable)) throw error;
    tell({ refused: { setting: error.setting, message: error.message } });
    return;
  }
  parentPort?.on('message', async (request: MeasureRequest) => {
    try {
      switch (request.type) {
        case 'rate':
          tell({ result: await rate(session, request.batch, request.ms) });
          break;
        case 'agreement':
          tell({ result: await agreement(session, request.batch) });
          break;
        case 'close':
          await session.close();
          parentPort?.close();
          break;
      }
    } catch (error) {
      tell({ failed: error instanceof Error ? error.message : String(error) });
    }
  });
  tell({ ready: session.facts });
}

await serve(spec);
