// One hop of the pipeline (DESIGN section 5): pull, handle, effects durable, publish the next message, ack.
// Every stage is this actor around a handler; attempts, dead letters and suspects are kept here, once.
import type { ActorContext, ActorSpec, Behaviour, Delivery, WorkSubscription } from '#runtime';
import type { DatasetPorts, QueueStage, Stage } from './dataset-ports.ts';
import { ItemFailure, PassingFailure } from './item-failure.ts';
import type { DeadMessage } from './messages.ts';

/** What a handler wants published for one delivery. */
export type HopEffect =
  | {
      readonly stage: Exclude<QueueStage, 'held'>;
      /** The item's sequence in the intake stream. */
      readonly sequence: number;
      readonly message: unknown;
    }
  /** The message as it came, bytes and headers, to where items wait. */
  | { readonly stage: 'held'; readonly sequence: number; readonly original: Delivery };

/** What became of one delivery: the messages to publish, or the failure that ends the item. */
export type HopResult = { readonly effects: readonly HopEffect[] } | { readonly failure: ItemFailure };

/**
 * Handles a batch: one result a delivery, in order. Throws PassingFailure to be called again with the same batch;
 * any other throw is a bug and crashes the actor.
 */
export type StageHandler = (batch: readonly Delivery[], signal: AbortSignal) => Promise<readonly HopResult[]>;

export interface StageOptions {
  readonly stage: Stage;
  /** Name among its siblings. */
  readonly id: string;
  readonly maxBatch: number;
  readonly prefetch: number;
  /** Makes the handler of one incarnation; the context names the actors that it asks. */
  readonly handler: (context: ActorContext<StageMessage>) => StageHandler;
  /** The intake sequence and id of a delivery, for its dead letter; must not throw. */
  readonly identify: (delivery: Delivery) => { readonly sequence: number; readonly id: string | null };
  /**
   * How long a message must still be left in the queue, in ms. A stage that holds messages back marks each one durably
   * before it is handled, as the number of deliveries says nothing there.
   */
  readonly holdMs?: (delivery: Delivery) => number;
  /** The stage that dead letters name; default its own. */
  readonly diesAs?: Stage;
}

/** Attempts in one process before a passing failure ends an item, and marked attempts before a suspect ends. */
export const MAX_ATTEMPTS = 3;
/** From this delivery on a message is suspect and handled alone. */
const SUSPECT_FROM = 3;
const RETRY_MS = 250;

/** What a stage actor is told: the deliveries that it asked for. */
export type StageMessage = { readonly type: 'batch'; readonly deliveries: readonly Delivery[] };

/** Specification of a stage actor. */
export function stageActor(ports: DatasetPorts, options: StageOptions): ActorSpec<StageMessage> {
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
  readonly #ports: DatasetPorts;
  readonly #options: StageOptions;
  readonly #context: ActorContext<StageMessage>;
  readonly #handle: StageHandler;
  #subscription: WorkSubscription | undefined;
  /** The one batch that was asked for and came: in the mailbox, then in hand. */
  #inHand: readonly Delivery[] = [];

  constructor(ports: DatasetPorts, options: StageOptions, context: ActorContext<StageMessage>) {
    this.#ports = ports;
    this.#options = options;
    this.#context = context;
    this.#handle = options.handler(context);
  }

  async open(): Promise<void> {
    const { maxBatch, prefetch, stage } = this.#options;
    this.#subscription = await this.#ports.source(stage).subscribe({
      maxBatch,
      prefetch,
      deliver: (deliveries) => {
        this.#inHand = deliveries;
        this.#context.self.tell({ type: 'batch', deliveries });
      },
      failed: (error) => this.#context.crash(error),
    });
    this.#subscription.demand();
  }

  async receive(message: StageMessage): Promise<void> {
    // A batch that a former incarnation left in the mailbox was given back by it.
    if (message.deliveries !== this.#inHand || this.#context.signal.aborted) return;
    const startedMs = this.#ports.clock.monotonicMs();
    try {
      await this.#settleAll(message.deliveries);
    } catch (error) {
      // Work that a stop cut short is no failure: `stopped` gives it back.
      if (this.#context.signal.aborted) return;
      throw error;
    }
    this.#inHand = [];
    const busyMs = this.#ports.clock.monotonicMs() - startedMs;
    this.#ports.meter.handled(this.#options.stage, message.deliveries.length, busyMs);
    this.#subscription?.demand();
  }

  async stopped(): Promise<void> {
    for (const delivery of this.#inHand) delivery.nak(0);
    this.#inHand = [];
    await this.#subscription?.close();
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

  /** Handles a batch, again and again while the failure is passing; the item that exhausts its attempts dies alone. */
  async #settle(batch: readonly Delivery[], marked: number): Promise<void> {
    let attempts = 0;
    for (;;) {
      try {
        const results = await this.#handle(batch, this.#context.signal);
        await Promise.all(
          batch.map((delivery, at) => this.#finish(delivery, results[at], Math.max(marked, attempts + 1))),
        );
        return;
      } catch (error) {
        if (!(error instanceof PassingFailure) || this.#context.signal.aborted) throw error;
        attempts += 1;
        this.#context.log.debug({ err: error, stage: this.#options.stage, attempts }, 'attempt failed');
        if (attempts < MAX_ATTEMPTS)
          await this.#pause(Math.max(RETRY_MS * 2 ** attempts, error.retryAfterMs));
        else if (batch.length > 1) {
          for (const delivery of batch) await this.#settle([delivery], marked);
          return;
        } else {
          const failure = new ItemFailure(error.code, error.message, { cause: error });
          for (const delivery of batch) await this.#deadLetter(delivery, failure, attempts);
          return;
        }
      }
    }
  }

  /** A message that came back more than twice: marked durably before each try, ended when the marks run out. */
  async #settleSuspect(delivery: Delivery): Promise<void> {
    const { sequence } = this.#options.identify(delivery);
    const key = `${this.#ports.dataset}.${this.#options.stage}.${sequence}`;
    const mark = await this.#ports.attempts.get(key);
    const tries = mark === undefined ? 1 : Number(new TextDecoder().decode(mark.value)) + 1;
    if (tries > MAX_ATTEMPTS) {
      const message = `its handler did not survive ${MAX_ATTEMPTS} marked attempts`;
      await this.#deadLetter(delivery, new ItemFailure('attempts_exhausted', message), tries - 1);
    } else {
      const written = await this.#mark(key, tries, mark?.revision ?? 0);
      if (written === undefined) return delivery.nak(RETRY_MS);
      try {
        if (!(await this.#trySuspect(delivery, tries))) return;
      } catch (error) {
        // Only a stop comes here: the attempt was cut short, so it does not count against the item.
        await this.#mark(key, tries - 1, written);
        throw error;
      }
    }
    await this.#ports.attempts.delete(key);
  }

  #mark(key: string, tries: number, revision: number): Promise<number | undefined> {
    return this.#ports.attempts.compareAndSet(key, new TextEncoder().encode(String(tries)), revision);
  }

  /** Whether a suspect was settled. Its failure costs a mark and never a restart of this actor (G7). */
  async #trySuspect(delivery: Delivery, tries: number): Promise<boolean> {
    try {
      await this.#settle([delivery], tries);
      return true;
    } catch (error) {
      if (this.#context.signal.aborted) throw error;
      const { stage } = this.#options;
      this.#context.log.warn({ err: error, stage, sequence: delivery.sequence, tries }, 'suspect failed');
      delivery.nak(RETRY_MS);
      return false;
    }
  }

  async #finish(delivery: Delivery, result: HopResult | undefined, attempts: number): Promise<void> {
    if (result === undefined)
      throw new Error(`${this.#options.stage}: the handler gave no result for a delivery`);
    if ('failure' in result) return this.#deadLetter(delivery, result.failure, attempts);
    await Promise.all(result.effects.map((effect, at) => this.#publish(effect, at)));
    this.#ports.faults.reach(`${this.#options.stage}.published`);
    delivery.ack();
  }

  async #publish(effect: HopEffect, index: number): Promise<void> {
    const content =
      effect.stage === 'held'
        ? { data: effect.original.data, headers: heldHeaders(effect) }
        : { data: this.#ports.codec.encode(effect.message) };
    await this.#ports.publisher.publish(
      {
        ...content,
        subject: this.#ports.subjects.work(effect.stage),
        id: hopId(this.#ports, effect.stage, effect.sequence, index),
      },
      this.#context.signal,
    );
  }

  /** Dead letter first, then the verdict to the keeper, then the queue forgets the message. */
  async #deadLetter(delivery: Delivery, failure: ItemFailure, attempts: number): Promise<void> {
    const stage = this.#options.diesAs ?? this.#options.stage;
    const { sequence, id } = this.#options.identify(delivery);
    const { publisher, subjects, codec } = this.#ports;
    await publisher.publish(
      {
        subject: subjects.dead(stage),
        data: delivery.data,
        id: hopId(this.#ports, `dead-${stage}`, sequence, 0),
        headers: {
          ...intakeHeaders(delivery),
          [SEQUENCE_HEADER]: String(sequence),
          'Troupe-Reason': failure.code,
          'Troupe-Error': printable(failure.message),
          'Troupe-Attempts': String(Math.max(attempts, failure.attempts)),
          'Troupe-Stage': stage,
        },
      },
      this.#context.signal,
    );
    this.#ports.faults.reach(`${stage}.dead-lettered`);
    const verdict: DeadMessage = { type: 'dead', sequence, id, stage, reason: failure.code, attempts };
    await publisher.publish(
      {
        subject: subjects.work('keep'),
        data: codec.encode(verdict),
        // Its own id: a judged verdict of the same sequence, before or after, must not be taken for a repeat of it.
        id: hopId(this.#ports, 'keep-dead', sequence, 0),
      },
      this.#context.signal,
    );
    delivery.term();
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#ports.clock.schedule(delayMs, resolve);
    });
  }
}

/** Id of a hop's message: the same for every repetition of the same effect, so that the stream stores it once. */
function hopId(ports: DatasetPorts, stage: string, sequence: number, effect: number): string {
  return `${ports.dataset}.${ports.incarnation}.${stage}.${sequence}.${effect}.0`;
}

const SEQUENCE_HEADER = 'Troupe-Sequence';
/** Headers of a publisher, which a retry gives to the item again. */
const INTAKE_HEADERS = [
  'Content-Type',
  'Troupe-Id',
  'Troupe-Source',
  'Troupe-Time',
  'Troupe-Sha256',
  'traceparent',
] as const;
/** Longest header that is kept as it is; an id may have 1,024 characters of up to 4 bytes. */
const MAX_KEPT_HEADER = 4_096;

/**
 * The publisher's own headers, kept with a dead letter so that it can be understood and retried. They are kept as they
 * were; `Troupe-Shortened` names those that were too long for it.
 */
function intakeHeaders(delivery: Delivery): Record<string, string> {
  const kept: Record<string, string> = {};
  const shortened: string[] = [];
  for (const name of INTAKE_HEADERS) {
    const value = delivery.header(name);
    if (value === undefined) continue;
    kept[name] = value.slice(0, MAX_KEPT_HEADER).replace(/[\r\n]+/g, ' ');
    if (value.length > MAX_KEPT_HEADER) shortened.push(name);
  }
  if (shortened.length > 0) kept['Troupe-Shortened'] = shortened.join(', ');
  return kept;
}

/** Headers of a held message: the publisher's own, and the sequence that it has in the intake stream. */
function heldHeaders(effect: HopEffect & { readonly stage: 'held' }): Record<string, string> {
  return { ...intakeHeaders(effect.original), [SEQUENCE_HEADER]: String(effect.sequence) };
}

/** The intake sequence of a message that was held; 0 where there is none. */
export function heldSequence(delivery: Delivery): number {
  return Number(delivery.header(SEQUENCE_HEADER) ?? 0);
}

/** Header-safe: one line, at most 512 characters. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 512);
}
