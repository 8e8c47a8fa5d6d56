// The subjects whose streams take nothing now. What is to wait for room stands at the gate of its subject; of what is not
// to wait the last refusal is remembered, until something is stored under the subject again.
import type { Clock, RandomSource } from '#runtime';
import { FullGate, type Gated, type Refusal } from './full-gate.ts';

/** A subject whose stream takes nothing now. */
export interface WaitingSubject {
  readonly subject: string;
  /** Messages that wait to be stored. */
  readonly messages: number;
  /** JetStream's code (503: nobody answers; 0: nothing is sent to it, whatever the subject), and its words. */
  readonly code: number;
  readonly why: string;
  /** How long nothing has been taken. */
  readonly forMs: number;
}

/** `T`: a message that waits. */
export class FullSubjects<T extends Gated & { readonly subject: string }> {
  readonly #options: {
    readonly clock: Clock;
    readonly random: RandomSource;
    readonly opened: () => void;
  };
  readonly #gates = new Map<string, FullGate<T>>();
  readonly #refusals = new Map<string, Refusal & { readonly sinceMs: number }>();

  /** `opened` is called when held messages may be taken. */
  constructor(options: {
    readonly clock: Clock;
    readonly random: RandomSource;
    readonly opened: () => void;
  }) {
    this.#options = options;
  }

  /** Where messages wait, by subject. */
  get gates(): ReadonlyMap<string, FullGate<T>> {
    return this.#gates;
  }

  /** Each with what is held back for it or was given back to its publisher. */
  get waiting(): readonly WaitingSubject[] {
    const now = this.#options.clock.monotonicMs();
    const held = [...this.#gates].flatMap(([subject, { refused, held: messages }]) =>
      refused === undefined ? [] : [{ subject, messages, ...refused }],
    );
    const refusals = [...this.#refusals].map(([subject, refused]) => ({ subject, messages: 1, ...refused }));
    return [...held, ...refusals].map(({ subject, messages, code, description, sinceMs }) => ({
      subject,
      messages,
      code,
      why: description,
      forMs: now - sinceMs,
    }));
  }

  /** A message that its stream did not take waits for room. */
  holdBack(message: T, wasUnderWay: boolean, { code, description }: Refusal): void {
    let gate = this.#gates.get(message.subject);
    if (gate === undefined) {
      gate = new FullGate<T>(this.#options);
      this.#gates.set(message.subject, gate);
    }
    gate.giveBack(message, wasUnderWay, { code, description });
  }

  /** A message that is not to wait was refused: its publisher has it again. */
  turnedAway(subject: string, { code, description }: Refusal): void {
    const sinceMs = this.#refusals.get(subject)?.sinceMs ?? this.#options.clock.monotonicMs();
    this.#refusals.set(subject, { code, description, sinceMs });
  }

  /** Something was stored under a subject. */
  stored(subject: string): void {
    if (this.#refusals.size > 0) this.#refusals.delete(subject);
  }

  /** Takes away the gate of a subject; it must be idle. */
  remove(subject: string): void {
    this.#gates.delete(subject);
  }

  /** Takes all gates away, and returns what waited at them. */
  close(): readonly T[] {
    const waiting = [...this.#gates.values()].flatMap((gate) => gate.close());
    this.#gates.clear();
    return waiting;
  }
}
