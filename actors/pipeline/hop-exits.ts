// The two ways in which a message leaves its stage for good: it passes, or it dies. Whatever follows from that is durable
// before its queue forgets it, under ids that are the same when the hop is repeated.
import type { Delivery } from '#runtime';
import type { QueueStage, Stage, StagePorts } from './dataset-ports.ts';
import {
  ATTEMPTS_HEADER,
  heldHeaders,
  hopId,
  intakeHeaders,
  printable,
  SEQUENCE_HEADER,
} from './hop-headers.ts';
import type { ItemFailure } from './item-failure.ts';
import type { DeadMessage } from './messages.ts';
import type { OpenHops } from './open-hops.ts';

/** What a handler wants published for one delivery. */
export type HopEffect =
  | {
      readonly stage: Exclude<QueueStage, 'held'>;
      /** The item's sequence in the intake stream. */
      readonly sequence: number;
      readonly message: unknown;
      /** Tells messages of one item to one stage apart, in their ids; default the stage. */
      readonly as?: string;
    }
  /** The message as it came, bytes and headers, to where items wait; `attempts` were made before. */
  | {
      readonly stage: 'held';
      readonly sequence: number;
      readonly original: Delivery;
      readonly attempts: number;
    };

/** Of whose messages these are the exits. */
export interface HopExitsOptions {
  readonly stage: Stage;
  /** The intake sequence and id of a delivery, for its dead letter; must not throw. */
  readonly identify: (delivery: Delivery) => { readonly sequence: number; readonly id: string | null };
  /** The stage that dead letters name; default its own. */
  readonly diesAs?: Stage;
}

export class HopExits {
  readonly #ports: StagePorts;
  readonly #options: HopExitsOptions;
  readonly #hops: OpenHops;
  /** Gives up what is not stored yet. */
  readonly #signal: AbortSignal;

  constructor(ports: StagePorts, options: HopExitsOptions, hops: OpenHops, signal: AbortSignal) {
    this.#ports = ports;
    this.#options = options;
    this.#hops = hops;
    this.#signal = signal;
  }

  /** The effects first, then the queue forgets the message. */
  async pass(delivery: Delivery, effects: readonly HopEffect[]): Promise<void> {
    const traced = this.#hops.headersOf(delivery);
    await Promise.all(effects.map((effect, at) => this.#publish(effect, at, traced)));
    this.#ports.faults.reach(`${this.#options.stage}.published`);
    delivery.ack();
    const [first] = effects;
    this.#hops.left(delivery, {
      outcome: first?.stage === 'held' ? 'held' : 'passed',
      ...(first && { sequence: first.sequence }),
    });
  }

  /** Dead letter first, then the verdict to the keeper, then the queue forgets the message. */
  async die(delivery: Delivery, failure: ItemFailure, attempts: number): Promise<void> {
    const stage = this.#options.diesAs ?? this.#options.stage;
    const { sequence, id } = this.#options.identify(delivery);
    const { publisher, subjects, codec } = this.#ports;
    const traced = this.#hops.headersOf(delivery);
    await publisher.publish(
      {
        subject: subjects.dead(stage),
        data: delivery.data,
        id: hopId(this.#ports, `dead-${stage}`, sequence, 0),
        headers: {
          ...intakeHeaders(delivery),
          ...traced,
          [SEQUENCE_HEADER]: String(sequence),
          'Troupe-Reason': failure.code,
          'Troupe-Error': printable(failure.message),
          [ATTEMPTS_HEADER]: String(Math.max(attempts, failure.attempts)),
          'Troupe-Stage': stage,
        },
      },
      this.#signal,
    );
    this.#ports.faults.reach(`${stage}.dead-lettered`);
    const verdict: DeadMessage = { type: 'dead', sequence, id, stage, reason: failure.code, attempts };
    await publisher.publish(
      {
        subject: subjects.work('keep'),
        data: codec.encode(verdict),
        // Its own id: a judged verdict of the same sequence, before or after, must not be taken for a repeat of it.
        id: hopId(this.#ports, 'keep-dead', sequence, 0),
        headers: traced,
      },
      this.#signal,
    );
    delivery.term();
    this.#ports.meter.died(stage, failure.code);
    this.#hops.left(delivery, { outcome: 'dead', sequence, reason: failure.code });
  }

  async #publish(effect: HopEffect, index: number, traced: Readonly<Record<string, string>>): Promise<void> {
    const content =
      effect.stage === 'held'
        ? { data: effect.original.data, headers: { ...heldHeaders(effect.original, effect), ...traced } }
        : { data: this.#ports.codec.encode(effect.message), headers: traced };
    await this.#ports.publisher.publish(
      {
        ...content,
        subject: this.#ports.subjects.work(effect.stage),
        id: hopId(this.#ports, ('as' in effect && effect.as) || effect.stage, effect.sequence, index),
      },
      this.#signal,
    );
  }
}
