// What the actors bench asks of each contestant, a process of its own: one line `SCENARIO SIZE` in, one line
// `answer JSON` out. The contestant counts and adds up what its actors really handled; the bench knows what must
// come of it.

/**
 * `tell`: one sender, one actor. `ask`: one request after the other; `ask64`: 64 in flight. `pingpong`: two actors
 * tell each other. `fanin`: 100 actors tell one. `spawn`: actors start, handle one message and stop. `idle`: bytes
 * of actors that wait. `restart`: actors crash once each, one after the other.
 */
export type Scenario = 'tell' | 'ask' | 'ask64' | 'pingpong' | 'fanin' | 'spawn' | 'idle' | 'restart';

/**
 * What is shown, not timed, of the actor systems on Node.js. `stop`: messages wait when their actor is stopped;
 * `crashloop`: each message crashes the actor. Their answers carry the figures `deadLetters` and `restarts`.
 */
export type Showing = 'stop' | 'crashloop';

/** Requests under way in `ask64`. */
export const askersAtOnce = 64;

/** Senders in `fanin`. */
export const fanInSenders = 100;

/** What a run of one scenario came to. */
export interface Answer {
  /** Messages that actors handled; in `spawn` actors that came to their end; in `restart` those that came back. */
  readonly handled: number;
  /** Sum of the numbers that those messages carried. */
  readonly sum: number;
  readonly seconds: number;
  /** What else the scenario measures, by name with its unit. */
  readonly figures?: Readonly<Record<string, number>>;
}

/** Runs one scenario with `size` messages or actors. */
export type Play = (size: number) => Promise<Answer>;

/**
 * Holds an answer against what the scenario must come to.
 * @throws Error when anything was not handled, or not once
 */
export function verify(scenario: Scenario, size: number, answer: Answer): void {
  const expected = { handled: size, sum: expectedSum(scenario, size) };
  if (answer.handled !== expected.handled || answer.sum !== expected.sum) {
    throw new Error(
      `${scenario} of ${size}: expected ${expected.handled} handled with the sum ${expected.sum}, ` +
        `but it was ${answer.handled} with ${answer.sum}`,
    );
  }
}

function expectedSum(scenario: Scenario, size: number): number {
  switch (scenario) {
    case 'tell':
    case 'spawn':
    case 'restart':
      return upTo(size - 1);
    case 'ask':
    case 'ask64':
    case 'pingpong':
      return upTo(size);
    case 'fanin':
      return fanInSenders * upTo(size / fanInSenders - 1);
    case 'idle':
      return size;
  }
}

/** 1 + 2 + … + last. */
function upTo(last: number): number {
  return (last * (last + 1)) / 2;
}

/** Nearest-rank percentiles of latencies in milliseconds. */
export function percentiles(latenciesMs: readonly number[]): {
  readonly p50Ms: number;
  readonly p99Ms: number;
} {
  const sorted = [...latenciesMs].sort((a, b) => a - b);
  const rank = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
  return { p50Ms: rank(0.5), p99Ms: rank(0.99) };
}
