// What the message-bound part of the pipeline bench asks of its two clients, each a process of its own that stays warm:
// one order in, one answer out. The client counts the ids that its last stage acknowledged; the bench knows how many
// there must be.

/** Durable stages that each message passes. */
export const STAGES_PASSED = 5;

/** Messages that are sent to the first stage together; the next ones when these are stored. */
export const FIRST_BULK = 1_000;

/** One run: so many messages through all stages, into queues of their own. */
export interface NoopOrder {
  /** Names the queues; used once. */
  readonly round: string;
  readonly items: number;
  readonly payloadBytes: number;
  /** The knobs of this client. */
  readonly tuning: NoopTuning;
}

/** What is tried out before the rounds. A client reads what concerns it. */
export interface NoopTuning {
  /** How the choice is called in what the bench prints. */
  readonly name: string;
  /** Messages that one stage handles at once. */
  readonly atOnce: number;
}

/** What one run came to. */
export interface NoopAnswer {
  /** Ids that reached the last stage. */
  readonly distinct: number;
  /** Messages that it acknowledged, repetitions included. */
  readonly finished: number;
  /** From the first message sent until the last one was acknowledged by the last stage. */
  readonly seconds: number;
  /** CPU time of the client's process meanwhile. */
  readonly cpuMs: number;
}

/**
 * Holds an answer against its order.
 * @throws Error when an id did not come to the end, or came twice
 */
export function verifyNoop({ items }: Pick<NoopOrder, 'items'>, { distinct, finished }: NoopAnswer): void {
  if (distinct === items && finished === items) return;
  throw new Error(
    `expected ${items} ids at the end of the last stage, each once, but ${distinct} came, ${finished} times in all`,
  );
}

/** What reaches the end of the last stage. */
export class Arrivals {
  /** Resolves when as many messages as expected were acknowledged there. */
  readonly complete: Promise<void>;
  readonly #expected: number;
  readonly #ids = new Set<number>();
  readonly #done = Promise.withResolvers<void>();
  #finished = 0;

  constructor(expected: number) {
    this.#expected = expected;
    this.complete = this.#done.promise;
  }

  /** The last stage has this message. */
  arrived(id: number): void {
    this.#ids.add(id);
  }

  /** The last stage has acknowledged a message. */
  acknowledged(): void {
    this.#finished += 1;
    if (this.#finished === this.#expected) this.#done.resolve();
  }

  get counts(): { readonly distinct: number; readonly finished: number } {
    return { distinct: this.#ids.size, finished: this.#finished };
  }
}

/** Text of so many bytes, the same for both clients. */
export function payloadOf(bytes: number): string {
  return 'troupe '.repeat(Math.ceil(bytes / 7)).slice(0, bytes);
}

/** The choice that took the least time for the same order; the first of equals. */
export function fastest<T extends { readonly seconds: number }>(tried: readonly T[]): T {
  const [first, ...others] = tried;
  if (first === undefined) throw new Error('expected at least one choice to have been tried');
  return others.reduce((best, each) => (each.seconds < best.seconds ? each : best), first);
}
