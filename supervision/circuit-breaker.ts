// Whether a dependency may be called. One that fails again and again is left alone for a while, so that neither its
// callers nor it pay for calls that cannot succeed. Events in, decisions out: no clock, no timers of its own.
//
//   closed ──failures in a row, or their share in the window──▶ open ──its time is over, the next call──▶ half_open
//     ▲                                                          ▲                                           │
//     │                                                          └────────────the probe failed───────────────┤
//     └────────────────────────────────the probe succeeded───────────────────────────────────────────────────┘
import { InvalidSupervisionOptions } from './options-error.ts';

/** When a breaker opens, and for how long. */
export interface BreakerOptions {
  /** Failures in a row that open it, at least 1. */
  readonly failures: number;
  /** Share of failed calls in the window that opens it, above 0 up to 1; 1 leaves it to failures in a row. */
  readonly failureRate: number;
  /** Calls in the window before their share says anything, at least 1. */
  readonly minCalls: number;
  /** Length of the window, in ms. */
  readonly windowMs: number;
  /** How long it is open the first time, in ms; each failed probe doubles it. */
  readonly minOpenMs: number;
  /** No time open is longer, in ms. */
  readonly maxOpenMs: number;
  /** Share by which times are spread up and down, 0 to 1, so that nodes do not probe in step. */
  readonly jitter: number;
}

/** `closed`: calls go through. `open`: none does. `half_open`: one call, the probe, decides. */
export type BreakerState = 'closed' | 'open' | 'half_open';

/** A call that was let through; its holder says how it ended, once. */
export interface BreakerCall {
  readonly number: number;
  /** The period of the breaker that let it through: what a former period's calls tell comes too late to count. */
  readonly period: number;
}

/** How a call ended. Times are monotonic milliseconds; `draw` is uniform in [0, 1). */
export type BreakerEvent =
  | { readonly type: 'succeeded'; readonly call: BreakerCall; readonly nowMs: number }
  | { readonly type: 'failed'; readonly call: BreakerCall; readonly nowMs: number; readonly draw: number }
  /** The call ended without a word about the dependency: it was given up, or failed for another reason. */
  | { readonly type: 'released'; readonly call: BreakerCall };

/** No call may be made: not before `retryAtMs`; absent while a probe is under way, whose end decides. */
export interface BreakerRefusal {
  readonly type: 'refuse';
  readonly retryAtMs?: number;
}

/** Whether a call may be made. */
export type BreakerDecision = { readonly type: 'admit'; readonly call: BreakerCall } | BreakerRefusal;

/** @throws InvalidSupervisionOptions when the figures contradict each other. */
export function checkBreaker(options: BreakerOptions): BreakerOptions {
  const { failures, failureRate, minCalls, windowMs, minOpenMs, maxOpenMs, jitter } = options;
  const expect = (holds: boolean, what: string, value: number) => {
    if (!holds) throw new InvalidSupervisionOptions(`${what}, but was ${value}`);
  };
  expect(Number.isInteger(failures) && failures >= 1, 'failures must be an integer of at least 1', failures);
  expect(failureRate > 0 && failureRate <= 1, 'failureRate must be above 0 and at most 1', failureRate);
  expect(Number.isInteger(minCalls) && minCalls >= 1, 'minCalls must be an integer of at least 1', minCalls);
  expect(windowMs > 0, 'windowMs must be above 0', windowMs);
  expect(minOpenMs > 0, 'minOpenMs must be above 0', minOpenMs);
  expect(maxOpenMs >= minOpenMs, `maxOpenMs must be at least minOpenMs (${minOpenMs})`, maxOpenMs);
  expect(jitter >= 0 && jitter <= 1, 'jitter must be between 0 and 1', jitter);
  return options;
}

/** How many calls a dependency that never answers gets in `withinMs` at most, until it opens and as probes. */
export function callsToTheDead(options: BreakerOptions, withinMs: number): number {
  const { failures, minOpenMs, maxOpenMs, jitter } = options;
  let calls = failures;
  let openMs = minOpenMs;
  for (let atMs = openMs * (1 - jitter); atMs < withinMs; atMs += openMs * (1 - jitter)) {
    calls += 1;
    openMs = Math.min(maxOpenMs, openMs * 2);
    if (openMs * (1 - jitter) <= 0) break;
  }
  return calls;
}

/** Parts of the window: outcomes are counted by part, so that memory does not grow with calls. */
const PARTS = 10;

interface Part {
  readonly number: number;
  calls: number;
  failed: number;
}

/** The pure core of one breaker. */
export class BreakerCore {
  readonly #options: BreakerOptions;
  #state: BreakerState = 'closed';
  #period = 1;
  #calls = 0;
  #probe: number | undefined;
  #failuresInRow = 0;
  #parts: Part[] = [];
  /** Times in a row that it opened without having been closed between them. */
  #openings = 0;
  #retryAtMs = 0;

  /** @throws InvalidSupervisionOptions */
  constructor(options: BreakerOptions) {
    this.#options = checkBreaker(options);
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** Failures since the last success. */
  get failuresInRow(): number {
    return this.#failuresInRow;
  }

  /** When the next probe may be made, while open. */
  get retryAtMs(): number | undefined {
    return this.#state === 'open' ? this.#retryAtMs : undefined;
  }

  /** Why a call could not be made now; undefined if it could. Changes nothing. */
  refusal(nowMs: number): BreakerRefusal | undefined {
    switch (this.#state) {
      case 'closed':
        return undefined;
      case 'open':
        return nowMs < this.#retryAtMs ? { type: 'refuse', retryAtMs: this.#retryAtMs } : undefined;
      case 'half_open':
        return this.#probe === undefined ? undefined : { type: 'refuse' };
    }
  }

  /** Asks for a call; the holder of an admitted one must report its end by `handle`. */
  ask(nowMs: number): BreakerDecision {
    const refusal = this.refusal(nowMs);
    if (refusal !== undefined) return refusal;
    if (this.#state === 'open') this.#enter('half_open');
    this.#calls += 1;
    const call: BreakerCall = { number: this.#calls, period: this.#period };
    if (this.#state === 'half_open') this.#probe = call.number;
    return { type: 'admit', call };
  }

  /** Takes in how a call ended. */
  handle(event: BreakerEvent): void {
    if (event.call.period !== this.#period) return;
    const isProbe = this.#probe === event.call.number;
    // A probe that was given back and reports again has no say: another may be under way.
    if (this.#state === 'half_open' && !isProbe) return;
    if (isProbe) this.#probe = undefined;
    switch (event.type) {
      case 'succeeded':
        this.#succeeded(event.nowMs);
        break;
      case 'failed':
        this.#failed(event.nowMs, event.draw);
        break;
      case 'released':
        break;
    }
  }

  #succeeded(nowMs: number): void {
    this.#failuresInRow = 0;
    if (this.#state === 'closed') {
      this.#count(nowMs, 0);
    } else {
      this.#openings = 0;
      this.#parts = [];
      this.#enter('closed');
    }
  }

  #failed(nowMs: number, draw: number): void {
    this.#failuresInRow += 1;
    this.#count(nowMs, 1);
    if (this.#state === 'half_open' || this.#isTooMuch()) this.#open(nowMs, draw);
  }

  #isTooMuch(): boolean {
    const { failures, failureRate, minCalls } = this.#options;
    if (this.#failuresInRow >= failures) return true;
    const calls = this.#parts.reduce((sum, part) => sum + part.calls, 0);
    const failed = this.#parts.reduce((sum, part) => sum + part.failed, 0);
    return calls >= minCalls && failed / calls >= failureRate && failureRate < 1;
  }

  #open(nowMs: number, draw: number): void {
    const { minOpenMs, maxOpenMs, jitter } = this.#options;
    const grown = Math.min(maxOpenMs, minOpenMs * 2 ** this.#openings);
    const spread = grown * (1 + jitter * (2 * draw - 1));
    this.#openings += 1;
    this.#retryAtMs = nowMs + Math.min(maxOpenMs, spread);
    this.#enter('open');
  }

  #enter(state: BreakerState): void {
    this.#state = state;
    this.#period += 1;
    this.#probe = undefined;
  }

  #count(nowMs: number, failed: 0 | 1): void {
    const number = Math.floor((nowMs * PARTS) / this.#options.windowMs);
    this.#parts = this.#parts.filter((part) => part.number > number - PARTS);
    let last = this.#parts.at(-1);
    if (last === undefined || last.number < number) {
      last = { number, calls: 0, failed: 0 };
      this.#parts.push(last);
    }
    last.calls += 1;
    last.failed += failed;
  }
}
