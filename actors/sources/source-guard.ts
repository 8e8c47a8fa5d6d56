// The breakers of the places that content is fetched from: a host, a bucket, a folder. A place that fails again and again
// is left alone; items that need it wait in the queue `held` and come back one after the other, so that other places go
// on. What an item alone is to blame for (no such file, another digest) never counts.
import {
  type BreakerSnapshot,
  CircuitBreaker,
  type Clock,
  type Permit,
  type RandomSource,
  type SystemHappening,
} from '#runtime';
import type { BreakerOptions } from '#supervision';
import type { ContentSource, ReadOptions } from '../pipeline/dataset-ports.ts';
import { type DeadReason, ItemFailure, PassingFailure } from '../pipeline/item-failure.ts';

export interface SourceGuardOptions {
  /** The part of the tree that waits. */
  readonly path: string;
  readonly breaker: BreakerOptions;
  /** How long an item waits for its place at most, in ms, on this node and while it runs. */
  readonly giveUpAfterMs: number;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly emit: (happening: SystemHappening) => void;
}

/** Between two items that come back to the same place, in ms: a recovered host is not met by all at once. */
const SPACING_MS = 5;
/** While a probe is under way nobody knows when it ends. */
const PROBE_WAIT_MS = 1_000;
/** Places that are remembered before those without failures are forgotten. */
const SWEEP_FROM = 1_024;
/** More items than can be held at once. */
const MAX_WAITING = 100_000;
/** Places that a snapshot shows, the troubled ones first. */
const SHOWN = 100;

interface Place {
  readonly breaker: CircuitBreaker;
  /** When the next item that waits comes back, if the place is still shut then. */
  nextSlotMs: number;
  /** Why it is shut, for the items that give up. */
  lastCode: DeadReason;
}

/** The way of one fetch over one or several places. Disposing of it without a word says nothing of the last. */
export interface Visit extends Disposable {
  /** Asks for `place`; the one before, if any, has done its part. @throws PassingFailure while `place` is shut */
  enter(place: string): void;
  succeeded(): void;
  /** Takes in how the fetch failed; answers what to throw for it. */
  failed(error: unknown): unknown;
}

export class SourceGuard {
  readonly #options: SourceGuardOptions;
  readonly #places = new Map<string, Place>();
  /** By item: since when it waits without an attempt. Oldest first. */
  readonly #waiting = new Map<string, number>();

  constructor(options: SourceGuardOptions) {
    this.#options = options;
  }

  /** How long `place` is still left alone, in ms; 0: ask. Each call while it is shut gives another time, a little later. */
  waitMs(place: string | undefined): number {
    const known = place === undefined ? undefined : this.#places.get(place);
    return known === undefined || known.breaker.waitMs === 0 ? 0 : this.#slotMs(known);
  }

  /** Whether the item waited for its place as long as one may; the first call begins to count. */
  hasGivenUp(item: string): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    const sinceMs = this.#waiting.get(item);
    if (sinceMs !== undefined) return nowMs - sinceMs >= this.#options.giveUpAfterMs;
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size >= MAX_WAITING && oldest !== undefined) this.#waiting.delete(oldest);
    this.#waiting.set(item, nowMs);
    return false;
  }

  /** The item does not wait any more. */
  forget(item: string): void {
    this.#waiting.delete(item);
  }

  /** Begins a fetch; `tries` is 1 for the first of its item. */
  visit(tries: number): Visit {
    let place: Place | undefined;
    let permit: Permit | undefined;
    return {
      enter: (name) => {
        permit?.succeeded();
        place = this.#place(name);
        permit = place.breaker.tryPermit();
        if (permit === undefined) throw this.#shut(place);
      },
      succeeded: () => permit?.succeeded(),
      failed: (error) => (place && permit ? this.#failed(place, permit, tries, error) : error),
      [Symbol.dispose]: () => permit?.[Symbol.dispose](),
    };
  }

  /** Places that are not closed, then others that were asked lately. */
  snapshot(): readonly BreakerSnapshot[] {
    const troubled = ({ state }: BreakerSnapshot) => (state === 'closed' ? 1 : 0);
    return [...this.#places.values()]
      .map(({ breaker }) => breaker.snapshot())
      .sort((a, b) => troubled(a) - troubled(b))
      .slice(0, SHOWN);
  }

  #failed(place: Place, permit: Permit, tries: number, error: unknown): unknown {
    if (error instanceof ItemFailure) {
      // Whoever refuses a request or has not what is asked for is there; an address that was refused was never asked.
      if (error.code !== 'address_not_allowed' && error.code !== 'source_not_allowed') permit.succeeded();
      return error;
    }
    if (!(error instanceof PassingFailure) || !error.ofSource) return error;
    // The same item again is no news: a few bad ones among the last of a run do not make a bad place.
    const isNews = tries === 1 || error.failureClass === 'recoverable' || place.breaker.state !== 'closed';
    if (!isNews) return error;
    place.lastCode = error.code;
    permit.failed(error);
    if (place.breaker.state === 'closed') return error;
    // Half as long again, so that the next probe is another item's.
    const retryAfterMs = this.#slotMs(place) * 1.5;
    const { code, message } = error;
    return new PassingFailure(code, message, {
      cause: error,
      failureClass: 'recoverable',
      ofSource: true,
      retryAfterMs,
    });
  }

  #shut(place: Place): PassingFailure {
    const { breaker, lastCode } = place;
    const last = breaker.lastError?.message ?? 'it failed';
    return new PassingFailure(lastCode, `${breaker.name} is left alone: ${last}`, {
      failureClass: 'recoverable',
      ofSource: true,
      retryAfterMs: this.#slotMs(place),
    });
  }

  #slotMs(place: Place): number {
    const nowMs = this.#options.clock.monotonicMs();
    const dueMs = nowMs + (place.breaker.waitMs ?? PROBE_WAIT_MS);
    const slotMs = Math.max(dueMs, place.nextSlotMs);
    place.nextSlotMs = slotMs + SPACING_MS;
    return Math.max(1, slotMs - nowMs);
  }

  #place(name: string): Place {
    const known = this.#places.get(name);
    if (known !== undefined) return known;
    if (this.#places.size >= SWEEP_FROM) this.#sweep();
    const { path, breaker: options, clock, random, emit } = this.#options;
    const breaker = new CircuitBreaker({ path, name, options, clock, random, emit });
    const place: Place = { breaker, nextSlotMs: 0, lastCode: 'fetch_failed' };
    this.#places.set(name, place);
    return place;
  }

  /** Those that have nothing to remember go; where all have, the oldest. */
  #sweep(): void {
    for (const [name, { breaker }] of this.#places) {
      if (breaker.state === 'closed' && breaker.snapshot().failures === 0) this.#places.delete(name);
    }
    const [oldest] = this.#places.keys();
    if (this.#places.size >= SWEEP_FROM && oldest !== undefined) this.#places.delete(oldest);
  }
}

/** A source whose fetches go to one place each, behind that place's breaker. */
export class GuardedSource implements ContentSource {
  readonly #source: ContentSource;
  readonly #guard: SourceGuard;

  constructor(source: ContentSource, guard: SourceGuard) {
    this.#source = source;
    this.#guard = guard;
  }

  placeOf(uri: string): string | undefined {
    return this.#source.placeOf?.(uri);
  }

  async read(uri: string, options: ReadOptions): Promise<Uint8Array> {
    const place = this.placeOf(uri);
    if (place === undefined) return this.#source.read(uri, options);
    using visit = this.#guard.visit(options.tries ?? 1);
    try {
      visit.enter(place);
      const bytes = await this.#source.read(uri, options);
      visit.succeeded();
      return bytes;
    } catch (error) {
      throw visit.failed(error);
    }
  }
}
