// Makes batches of what is waiting: a run starts when one is free and either enough is there or the oldest has waited for
// its delay. While all runs are busy, whole batches are handed over ahead, so that a session goes from one to the next
// without a gap. Requests of one key that are under way at the same time share one place. A run that fails is halved until
// what fails stands alone, which is tried once more, since a session may have ended for another reason; one that ran out
// of memory is halved, and batches are smaller from then on.
import type { Clock } from '#runtime';
import { failureClassOf } from '#supervision';
import type { BatchSize } from './batch-size.ts';

/** Nobody is refused for what others want, but for what the queue can hold. */
export class Overloaded extends Error {
  override readonly name = 'Overloaded';
  readonly code = 'overloaded';
  /** By then about half of what waits now is done. */
  readonly retryAfterMs: number;

  constructor(what: string, retryAfterMs: number) {
    super(`${what}: ask again in ${retryAfterMs} ms`);
    this.retryAfterMs = retryAfterMs;
  }
}

export interface BatcherOptions<Q, R> {
  /** One answer for each request, in order. */
  readonly run: (requests: readonly Q[]) => Promise<readonly R[]>;
  readonly size: BatchSize;
  /** How long the first of a batch waits for others while a run is free, in ms. */
  readonly delayMs: number;
  /** Runs at once: as many as there are sessions. */
  readonly runs: number;
  /** Whole batches that are handed over while all runs are busy, and begin as one of these ends; default 0. */
  readonly ahead?: number;
  /** Requests that may wait. */
  readonly maxWaiting: number;
  readonly clock: Clock;
  /** Told of a batch that was halved because memory ran out. */
  readonly halved?: (items: number) => void;
  /** Told of each run that gave its answers. */
  readonly ran?: (items: number) => void;
}

interface Waiting<Q, R> {
  readonly key: string;
  readonly request: Q;
  readonly sinceMs: number;
  readonly resolve: (answer: R) => void;
  readonly reject: (error: unknown) => void;
}

/** A batch that was handed over. */
interface Run {
  /** Undefined while it lies ahead. */
  beganMs: number | undefined;
}

export class Batcher<Q, R> {
  readonly #options: BatcherOptions<Q, R>;
  readonly #queue: Waiting<Q, R>[] = [];
  readonly #underWay = new Map<string, Promise<R>>();
  /** Of all that is handed over, in that order. */
  readonly #handedOver: Run[] = [];
  #cancelTimer: (() => void) | undefined;
  /** Mean time of one item, in ms, over the last runs. */
  #itemMs = 1;
  #runs = 0;
  #items = 0;

  constructor(options: BatcherOptions<Q, R>) {
    this.#options = options;
  }

  /** Requests that wait, those in hand not among them. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Requests that wait or are in hand. */
  get load(): number {
    return this.#underWay.size;
  }

  /** Runs and the items in them, since the start. */
  get counts(): { readonly runs: number; readonly items: number } {
    return { runs: this.#runs, items: this.#items };
  }

  /** Whether a request of this key is under way, so that another one would share its place. */
  has(key: string): boolean {
    return this.#underWay.has(key);
  }

  /**
   * The answer to a request; one of the same key that is under way answers this one, too.
   * @throws Overloaded when too many wait; what the run threw for this request alone
   */
  submit(key: string, request: Q): Promise<R> {
    const known = this.#underWay.get(key);
    if (known !== undefined) return known;
    const { maxWaiting, clock } = this.#options;
    if (this.#queue.length >= maxWaiting) {
      const retryAfterMs = Math.max(1, Math.ceil((this.#queue.length * this.#itemMs) / 2));
      return Promise.reject(new Overloaded(`${this.#queue.length} requests wait`, retryAfterMs));
    }
    const { promise, resolve, reject } = Promise.withResolvers<R>();
    this.#underWay.set(key, promise);
    const settled = () => this.#underWay.delete(key);
    promise.then(settled, settled);
    this.#queue.push({ key, request, sinceMs: clock.monotonicMs(), resolve, reject });
    this.#dispatch();
    return promise;
  }

  #dispatch(): void {
    const { size, runs, ahead = 0, delayMs, clock } = this.#options;
    while (this.#handedOver.length < runs + ahead && this.#queue.length > 0) {
      const isWhole = this.#queue.length >= size.limit;
      const isAhead = this.#handedOver.length >= runs;
      if (isAhead && !isWhole) return;
      const waitedMs = clock.monotonicMs() - (this.#queue[0]?.sinceMs ?? 0);
      if (!isWhole && waitedMs < delayMs) {
        this.#cancelTimer ??= clock.schedule(delayMs - waitedMs, () => {
          this.#cancelTimer = undefined;
          this.#dispatch();
        });
        return;
      }
      const batch = this.#queue.splice(0, size.take(this.#queue.length));
      const run: Run = { beganMs: isAhead ? undefined : clock.monotonicMs() };
      this.#handedOver.push(run);
      void this.#run(batch, run).finally(() => {
        this.#handedOver.splice(this.#handedOver.indexOf(run), 1);
        this.#beginNext();
        this.#dispatch();
      });
    }
  }

  /** Tries part of a batch that failed. */
  #again(part: readonly Waiting<Q, R>[], isLastTry = false): Promise<void> {
    return this.#run(part, { beganMs: this.#options.clock.monotonicMs() }, isLastTry);
  }

  /** As a run ends, the first of those ahead begins. */
  #beginNext(): void {
    const next = this.#handedOver.find(({ beganMs }) => beganMs === undefined);
    if (next !== undefined) next.beganMs = this.#options.clock.monotonicMs();
  }

  async #run(batch: readonly Waiting<Q, R>[], own: Run, isLastTry = false): Promise<void> {
    const { run, size, clock, halved, ran } = this.#options;
    let answers: readonly R[];
    try {
      answers = await run(batch.map(({ request }) => request));
    } catch (error) {
      if (batch.length === 1) {
        if (isLastTry || failureClassOf(error) === 'permanent') batch[0]?.reject(error);
        else await this.#again(batch, true);
        return;
      }
      if (failureClassOf(error) === 'resource') {
        size.ranOut(batch.length);
        halved?.(batch.length);
      }
      const middle = batch.length >> 1;
      await this.#again(batch.slice(0, middle));
      await this.#again(batch.slice(middle));
      return;
    }
    const nowMs = clock.monotonicMs();
    const tookMs = nowMs - (own.beganMs ?? nowMs);
    this.#runs += 1;
    this.#items += batch.length;
    this.#itemMs += (tookMs / batch.length - this.#itemMs) / 8;
    size.ran(batch.length, tookMs, this.#queue.length);
    ran?.(batch.length);
    for (const [at, waiting] of batch.entries()) {
      const answer = answers[at];
      if (answer === undefined)
        waiting.reject(new Error(`expected ${batch.length} answers, got ${answers.length}`));
      else waiting.resolve(answer);
    }
  }
}
