// One hop of the pipeline (DESIGN section 5): pull, handle, effects durable, publish the next message, ack.
// Every stage is this actor around a handler; attempts and suspects are kept here, once.
import {
  type ActorContext,
  type ActorSpec,
  type Behaviour,
  type CircuitBreaker,
  type Delivery,
  pause,
  toError,
  type WorkSubscription,
} from '#runtime';
import { consequenceOf } from '#supervision';
import type { StagePorts } from './dataset-ports.ts';
import { type HopEffect, HopExits, type HopExitsOptions } from './hop-exits.ts';
import { formerAttempts } from './hop-headers.ts';
import { ItemFailure, PassingFailure } from './item-failure.ts';
import { OpenHops } from './open-hops.ts';

/** What became of one delivery. */
export type HopResult =
  /** The messages to publish. */
  | { readonly effects: readonly HopEffect[] }
  /** The failure that ends the item. */
  | { readonly failure: ItemFailure }
  /** It stays in its queue, and comes back after `waitMs`. For stages that hold messages back only. */
  | { readonly later: Later };

/** Why and how long a message waits. */
export interface Later {
  readonly waitMs: number;
  /** What the item dies of when this used up its last attempt; absent where waiting costs none. */
  readonly attempt?: ItemFailure;
}

/** What this try does differently from the first. */
export interface Attempt {
  /** 1 for the first try of a message. */
  readonly tries: number;
  /** By which limits of time are multiplied: 1, then twice as much after each timeout. */
  readonly limitFactor: number;
}

/**
 * Handles a batch: one result a delivery, in order. Throws PassingFailure to be called again, with the same batch or
 * as the failure's class says; any other throw is a bug and crashes the actor.
 */
export type StageHandler = (
  batch: readonly Delivery[],
  signal: AbortSignal,
  attempt: Attempt,
) => Promise<readonly HopResult[]>;

export interface StageOptions extends HopExitsOptions {
  /** Name among its siblings. */
  readonly id: string;
  readonly maxBatch: number;
  readonly prefetch: number;
  /** Makes the handler of one incarnation; the context names the actors that it asks. */
  readonly handler: (context: ActorContext<StageMessage>) => StageHandler;
  /**
   * How long a message must still be left in the queue, in ms. A stage that holds messages back marks each one durably
   * before it is handled, as the number of deliveries says nothing there.
   */
  readonly holdMs?: (delivery: Delivery) => number;
  /** What all of the stage's work depends on: while it is not closed, nothing more is pulled. */
  readonly breaker?: CircuitBreaker;
}

/** Attempts in one process before a passing failure ends an item, and marked attempts before a suspect ends. */
export const MAX_ATTEMPTS = 3;
/** From this delivery on a message is suspect and handled alone. */
const SUSPECT_FROM = 3;
const RETRY_MS = 250;
/** What a stage that works in batches waits for more after a batch that was not full: see `WorkSource`. */
export const GATHER_MS = 50;
/** Before a failure that somebody has to mend is tried again in place. */
const LONG_RETRY_MS = 15_000;

/** What a stage actor is told: the deliveries that it asked for. */
export type StageMessage = { readonly type: 'batch'; readonly deliveries: readonly Delivery[] };

/** Specification of a stage actor. */
export function stageActor(ports: StagePorts, options: StageOptions): ActorSpec<StageMessage> {
  return {
    type: 'actor',
    id: options.id,
    mailbox: { capacity: 4, overflow: 'backpressure' },
    shutdownMs: 20_000,
    start: async (context) => {
      const stage = new StageBehaviour(ports, options, context);
      await stage.open();
      return stage;
    },
  };
}

class StageBehaviour implements Behaviour<StageMessage> {
  readonly #ports: StagePorts;
  readonly #options: StageOptions;
  readonly #context: ActorContext<StageMessage>;
  readonly #handle: StageHandler;
  readonly #hops: OpenHops;
  readonly #exits: HopExits;
  #subscription: WorkSubscription | undefined;
  /** The one batch that was asked for and came: in the mailbox, then in hand. */
  #inHand: readonly Delivery[] = [];

  constructor(ports: StagePorts, options: StageOptions, context: ActorContext<StageMessage>) {
    this.#ports = ports;
    this.#options = options;
    this.#context = context;
    this.#handle = options.handler(context);
    this.#hops = new OpenHops(ports, options.stage);
    this.#exits = new HopExits(ports, options, this.#hops, context.signal);
  }

  async open(): Promise<void> {
    const { maxBatch, prefetch, stage } = this.#options;
    this.#subscription = await this.#ports.source(stage).subscribe({
      maxBatch,
      prefetch,
      ...(maxBatch > 1 && { gatherMs: GATHER_MS }),
      deliver: (deliveries) => {
        this.#inHand = deliveries;
        this.#context.self.tell({ type: 'batch', deliveries });
      },
      failed: (error) => this.#context.crash(error),
    });
    this.#demand();
  }

  async receive(message: StageMessage): Promise<void> {
    // A batch that a former incarnation left in the mailbox was given back by it.
    if (message.deliveries !== this.#inHand || this.#context.signal.aborted) return;
    const { clock, meter } = this.#ports;
    const startedMs = clock.monotonicMs();
    const rest = meter.working(this.#options.stage);
    this.#hops.begin(message.deliveries);
    try {
      await this.#settleAll(message.deliveries);
    } catch (error) {
      // Work that a stop cut short is no failure: `stopped` gives it back.
      if (this.#context.signal.aborted) return;
      throw error;
    } finally {
      rest();
      this.#hops.end();
    }
    this.#inHand = [];
    meter.handled(this.#options.stage, message.deliveries.length, clock.monotonicMs() - startedMs);
    this.#demand();
  }

  async stopped(): Promise<void> {
    for (const delivery of this.#inHand) delivery.nak(0);
    this.#inHand = [];
    await this.#subscription?.close();
  }

  /** Asks for the next batch, once what it needs may be called. */
  #demand(): void {
    const { breaker } = this.#options;
    if (breaker === undefined || breaker.waitMs === 0) {
      this.#subscription?.demand();
      return;
    }
    breaker.ready(this.#context.signal).then(
      () => this.#subscription?.demand(),
      // Only a stop ends the wait: nothing is asked for any more.
      () => {},
    );
  }

  async #settleAll(deliveries: readonly Delivery[]): Promise<void> {
    const { holdMs } = this.#options;
    if (holdMs !== undefined) {
      for (const delivery of deliveries) {
        const waitMs = holdMs(delivery);
        if (waitMs > 0) delivery.nak(waitMs);
        else await this.#settleSuspect(delivery);
      }
      return;
    }
    const usual = deliveries.filter((delivery) => delivery.deliveries < SUSPECT_FROM);
    if (usual.length > 0) await this.#settle(usual, 0);
    for (const suspect of deliveries) {
      if (suspect.deliveries >= SUSPECT_FROM) await this.#settleSuspect(suspect);
    }
  }

  /**
   * Handles a batch, again and again while the failure is passing; the item that exhausts its attempts dies alone.
   * Resolves to how the message comes back, where a stage that holds messages back was given one that must wait.
   */
  async #settle(batch: readonly Delivery[], marked: number): Promise<Later | undefined> {
    let attempts = 0;
    let limitFactor = 1;
    for (;;) {
      try {
        const tries = Math.max(marked, attempts + 1);
        const results = await this.#handle(batch, this.#context.signal, { tries, limitFactor });
        const comingBack = await Promise.all(
          batch.map((delivery, at) => this.#finish(delivery, results[at], tries)),
        );
        return comingBack.find((later) => later !== undefined);
      } catch (error) {
        if (!(error instanceof PassingFailure) || this.#context.signal.aborted) throw error;
        const { counts, isSplit, limitGrowth, delayMs } = this.#consequence(error, batch, attempts);
        attempts += counts;
        limitFactor *= limitGrowth;
        if (attempts >= MAX_ATTEMPTS && batch.length === 1) {
          const failure = new ItemFailure(error.code, error.message, { cause: error });
          for (const delivery of batch) await this.#exits.die(delivery, failure, attempts);
          return undefined;
        }
        if (attempts < MAX_ATTEMPTS) await this.#pause(delayMs);
        if (attempts >= MAX_ATTEMPTS || isSplit) {
          const size = attempts >= MAX_ATTEMPTS ? 1 : Math.ceil(batch.length / 2);
          for (const part of partsOf(batch, size)) await this.#settle(part, marked);
          return undefined;
        }
      }
    }
  }

  /** What the class of a failure means for the next try. */
  #consequence(error: PassingFailure, batch: readonly Delivery[], attempts: number) {
    const consequence = consequenceOf(error.failureClass);
    if (consequence.action !== 'retry') throw error;
    const { stage } = this.#options;
    const { failureClass } = error;
    this.#context.log.debug({ err: error, stage, failureClass, attempts }, 'attempt failed');
    const counts = consequence.countsAttempt ? 1 : 0;
    const backoffMs = consequence.delay === 'long' ? LONG_RETRY_MS : RETRY_MS * 2 ** (attempts + 1);
    return {
      counts,
      isSplit: consequence.adjust === 'smaller_batch' && batch.length > 1,
      limitGrowth: consequence.adjust === 'longer_limit' ? 2 : 1,
      delayMs: Math.max(backoffMs, error.retryAfterMs),
    };
  }

  /** A message that came back more than twice: marked durably before each try, ended when the marks run out. */
  async #settleSuspect(delivery: Delivery): Promise<void> {
    const { sequence } = this.#options.identify(delivery);
    const key = `${this.#ports.dataset}.${this.#options.stage}.${sequence}`;
    const mark = await this.#ports.attempts.get(key);
    // Only our own stages write to a queue of what is held back; elsewhere a publisher may have named a number.
    const unmarked = this.#options.holdMs === undefined ? 0 : formerAttempts(delivery);
    const former = mark === undefined ? unmarked : markedTries(mark.value);
    const tries = former + 1;
    if (tries > MAX_ATTEMPTS) {
      const message = `its handler did not survive ${MAX_ATTEMPTS} marked attempts`;
      await this.#exits.die(delivery, new ItemFailure('attempts_exhausted', message), tries - 1);
    } else {
      const written = await this.#mark(key, tries, mark?.revision ?? 0);
      if (written === undefined) return delivery.nak(RETRY_MS);
      try {
        const later = await this.#trySuspect(delivery, tries);
        if (later !== undefined) {
          if (later.attempt === undefined) await this.#mark(key, former, written);
          return delivery.nak(later.waitMs);
        }
      } catch (error) {
        // Only a stop comes here: the attempt was cut short, so it does not count against the item.
        await this.#mark(key, former, written);
        throw error;
      }
    }
    await this.#ports.attempts.delete(key);
  }

  #mark(key: string, tries: number, revision: number): Promise<number | undefined> {
    return this.#ports.attempts.compareAndSet(key, new TextEncoder().encode(String(tries)), revision);
  }

  /** How a suspect that was not settled comes back. Its failure costs a mark, never a restart of this actor (G7). */
  async #trySuspect(delivery: Delivery, tries: number): Promise<Later | undefined> {
    try {
      return await this.#settle([delivery], tries);
    } catch (error) {
      if (this.#context.signal.aborted) throw error;
      const { stage } = this.#options;
      this.#context.log.warn({ err: error, stage, sequence: delivery.sequence, tries }, 'suspect failed');
      const message = `its handler failed: ${toError(error).message}`;
      return { waitMs: RETRY_MS, attempt: new ItemFailure('attempts_exhausted', message, { cause: error }) };
    }
  }

  /** Resolves to how the message comes back, where it is not settled. */
  async #finish(
    delivery: Delivery,
    result: HopResult | undefined,
    attempts: number,
  ): Promise<Later | undefined> {
    if (result === undefined)
      throw new Error(`${this.#options.stage}: the handler gave no result for a delivery`);
    if ('effects' in result) {
      await this.#exits.pass(delivery, result.effects);
    } else if ('failure' in result) {
      await this.#exits.die(delivery, result.failure, attempts);
    } else {
      const { attempt } = result.later;
      if (attempt === undefined || attempts < MAX_ATTEMPTS) return result.later;
      await this.#exits.die(delivery, attempt, attempts);
    }
    return undefined;
  }

  /** @throws the signal's reason when the actor is stopped meanwhile */
  async #pause(delayMs: number): Promise<void> {
    const { signal } = this.#context;
    await pause(this.#ports.clock, delayMs, signal);
    signal.throwIfAborted();
  }
}

function markedTries(mark: Uint8Array): number {
  return Number(new TextDecoder().decode(mark));
}

function partsOf<T>(whole: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(whole.length / size) }, (_, at) =>
    whole.slice(at * size, (at + 1) * size),
  );
}
