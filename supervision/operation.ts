// Something that a supervisor is doing with some of its children: the first start of all, a recovery, or the
// start or end of one child by request. Each goes through the same phases, as far as it needs them.
//
//   stopping (right to left) ──▶ waiting (the backoff) ──▶ starting (left to right) ──▶ over
import type { ChildEntry } from './child-list.ts';

/**
 * `initial`: the first start of all. `recovery`: after a failure. `add`, `restart`: a start by request, of a
 * new child or of one that is down. `terminate`: an end by request.
 */
export type OperationKind = 'initial' | 'recovery' | 'add' | 'restart' | 'terminate';

/** The children in hand and the way that is still to go. */
export class Operation {
  readonly kind: OperationKind;
  /** Numbered from 1 in the order in which they begin. */
  readonly number: number;
  /** What it has to wait for between stopping and starting. */
  delayMs: number;
  /** Those who wait for its end. */
  readonly requests: number[] = [];
  /** In start order. */
  members: ChildEntry[];
  phase: 'stopping' | 'waiting' | 'starting';
  /** The member that is next: counts down while stopping, up while starting. */
  cursor = 0;

  constructor(options: {
    readonly kind: OperationKind;
    readonly number: number;
    readonly members: ChildEntry[];
    readonly delayMs?: number;
    readonly request?: number;
  }) {
    this.kind = options.kind;
    this.number = options.number;
    this.members = options.members;
    this.delayMs = options.delayMs ?? 0;
    if (options.request !== undefined) this.requests.push(options.request);
    this.phase = 'starting';
    if (options.kind === 'recovery' || options.kind === 'terminate') this.#toStopping();
    for (const member of options.members) member.operation = this;
  }

  /** After the delay: whatever has come up meanwhile stops first. */
  resume(members: ChildEntry[]): void {
    this.members = members;
    this.delayMs = 0;
    for (const member of members) member.operation = this;
    this.#toStopping();
  }

  /** Turns from stopping to starting, or to the backoff before. */
  toStarting(): void {
    this.phase = 'starting';
    this.cursor = 0;
  }

  /** A waiting operation goes on without this child. */
  leave(member: ChildEntry): void {
    member.operation = undefined;
    this.members = this.members.filter((other) => other !== member);
  }

  /** Nothing is left to be done: its members are free for others. */
  end(): void {
    for (const member of this.members) if (member.operation === this) member.operation = undefined;
  }

  #toStopping(): void {
    this.phase = 'stopping';
    this.cursor = this.members.length - 1;
  }
}
