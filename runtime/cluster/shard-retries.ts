// When a shard may be tried again whose start or load failed: each shard has a count and a time of its own, so that
// one that cannot start is not taken at every look, and delays no other.
import { type BackoffOptions, backoffDelay } from '#supervision';
import type { Clock, RandomSource } from '../ports.ts';

/** A shard that waits to be tried again. */
export interface FailingShard {
  /** Key of its record. */
  readonly shard: string;
  /** Failures in a row. */
  readonly failures: number;
  /** Milliseconds until it may be tried again; 0 when it may be now. */
  readonly retryMs: number;
  readonly lastFailure: { readonly name: string; readonly message: string; readonly atMs: number };
}

interface Attempts {
  failures: number;
  readonly lastFailure: FailingShard['lastFailure'];
  /** Monotonic; undefined while it runs. */
  retryAtMs: number | undefined;
  /** When it began to run; monotonic. */
  startedMs: number;
}

/** The failures of one kind of step, by shard. */
export class ShardRetries {
  readonly #backoff: BackoffOptions;
  readonly #clock: Clock;
  readonly #random: RandomSource;
  readonly #attempts = new Map<string, Attempts>();

  constructor(options: {
    readonly backoff: BackoffOptions;
    readonly clock: Clock;
    readonly random: RandomSource;
  }) {
    this.#backoff = options.backoff;
    this.#clock = options.clock;
    this.#random = options.random;
  }

  /** Whether the shard may be tried now. */
  mayTry(shard: string): boolean {
    return this.#leftMs(this.#attempts.get(shard)) === 0;
  }

  /** Counts a failure; the milliseconds until the shard may be tried again: 0 after the first in a row. */
  failed(shard: string, error: Error): number {
    const nowMs = this.#clock.monotonicMs();
    const before = this.#attempts.get(shard);
    const wasWell =
      before !== undefined &&
      before.retryAtMs === undefined &&
      nowMs - before.startedMs >= this.#backoff.resetAfterMs;
    const former = before === undefined || wasWell ? 0 : before.failures;
    const delayMs = backoffDelay(this.#backoff, former, this.#random.next());
    this.#attempts.set(shard, {
      failures: former + 1,
      lastFailure: { name: error.name, message: error.message, atMs: this.#clock.wallMs() },
      retryAtMs: nowMs + delayMs,
      startedMs: nowMs,
    });
    return delayMs;
  }

  /** It runs: after enough healthy work its count begins anew. */
  succeeded(shard: string): void {
    const before = this.#attempts.get(shard);
    if (before === undefined) return;
    before.retryAtMs = undefined;
    before.startedMs = this.#clock.monotonicMs();
  }

  /** Forgets every shard but these: what is no longer this node's is none of its failures. */
  keepOnly(shards: ReadonlySet<string>): void {
    for (const shard of this.#attempts.keys()) if (!shards.has(shard)) this.#attempts.delete(shard);
  }

  /** Shards that failed last and do not run yet. */
  failing(): readonly FailingShard[] {
    return [...this.#attempts].flatMap(([shard, attempts]) => {
      const { failures, lastFailure, retryAtMs } = attempts;
      if (retryAtMs === undefined) return [];
      return [{ shard, failures, retryMs: this.#leftMs(attempts), lastFailure }];
    });
  }

  #leftMs(attempts: Attempts | undefined): number {
    if (attempts?.retryAtMs === undefined) return 0;
    return Math.max(0, attempts.retryAtMs - this.#clock.monotonicMs());
  }
}
