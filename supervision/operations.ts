// Carries out the operations of one supervisor step by step: each step waits for the children to answer the one
// before. Operations that might concern common children never overlap; which may, the strategy says.
import type { ActionList } from './action-list.ts';
import type { ChildEntry, ChildList } from './child-list.ts';
import { Operation, type OperationKind } from './operation.ts';
import type { RequestOutcome } from './supervisor-protocol.ts';

/** What becomes known while operations proceed. */
export interface OperationListener {
  /** This member is down as the operation wants it: what it did by itself before is of no consequence. */
  isDown(child: ChildEntry, operation: Operation): void;
  /** The operation went well. */
  done(operation: Operation): void;
}

/** The operations that have begun and are not over. */
export class Operations {
  readonly #children: ChildList;
  readonly #actions: ActionList;
  readonly #listener: OperationListener;
  readonly #all = new Map<number, Operation>();
  #begun = 0;
  /** How many are stopping or starting children now; the others wait. */
  #active = 0;

  constructor(children: ChildList, actions: ActionList, listener: OperationListener) {
    this.#children = children;
    this.#actions = actions;
    this.#listener = listener;
  }

  /** One is stopping or starting children now. */
  get anyActive(): boolean {
    return this.#active > 0;
  }

  begin(options: {
    readonly kind: OperationKind;
    readonly members: ChildEntry[];
    readonly delayMs?: number;
    readonly request?: number;
  }): void {
    this.#begun += 1;
    const operation = new Operation({ ...options, number: this.#begun });
    this.#all.set(operation.number, operation);
    this.#active += 1;
    this.advance(operation);
  }

  /** The operation of this number, if it waits for its delay to pass. */
  waiting(number: number): Operation | undefined {
    const operation = this.#all.get(number);
    return operation?.phase === 'waiting' ? operation : undefined;
  }

  /** The delay has passed; `members` of them are started, after those alive have stopped. */
  resume(operation: Operation, members: ChildEntry[]): void {
    operation.resume(members);
    this.#active += 1;
    this.advance(operation);
  }

  /** It is over and came to this end. */
  finish(operation: Operation, outcome: RequestOutcome): void {
    if (operation.phase === 'waiting') this.#actions.add({ type: 'cancel', recovery: operation.number });
    else this.#active -= 1;
    operation.end();
    this.#all.delete(operation.number);
    for (const request of operation.requests) this.#actions.reply(request, outcome);
  }

  finishAll(outcome: RequestOutcome): void {
    for (const operation of [...this.#all.values()]) this.finish(operation, outcome);
  }

  /** Takes every step that is possible now. */
  advance(operation: Operation): void {
    if (operation.phase === 'stopping' && this.#stopMembers(operation)) this.#allDown(operation);
    if (operation.phase === 'starting' && this.#startMembers(operation)) {
      this.finish(operation, 'ok');
      this.#listener.done(operation);
    }
  }

  #allDown(operation: Operation): void {
    if (operation.kind === 'terminate') {
      for (const child of operation.members) this.#children.putDown(child);
      this.finish(operation, 'ok');
    } else if (operation.delayMs > 0) {
      operation.phase = 'waiting';
      this.#active -= 1;
      const { number, delayMs, members } = operation;
      const children = members.map(({ id }) => id);
      this.#actions.add({ type: 'schedule', recovery: number, delayMs, children });
    } else {
      operation.toStarting();
    }
  }

  /** Stops one member at a time, right to left; true when none is alive any more. */
  #stopMembers(operation: Operation): boolean {
    for (; operation.cursor >= 0; operation.cursor -= 1) {
      const child = operation.members[operation.cursor];
      if (child === undefined) continue;
      if (child.isAlive) this.#children.stop(child);
      if (child.state === 'stopping') return false;
      this.#listener.isDown(child, operation);
      if (operation.kind === 'recovery' && child.restart === 'temporary') {
        operation.leave(child);
        this.#children.remove(child);
      }
    }
    return true;
  }

  /** Starts one member at a time, left to right; true when all are up. */
  #startMembers(operation: Operation): boolean {
    for (; operation.cursor < operation.members.length; operation.cursor += 1) {
      const child = operation.members[operation.cursor];
      // One that has come up has left the operation: what becomes of it then is another one's concern.
      if (child?.operation !== operation) continue;
      if (child.state !== 'starting') this.#children.start(child);
      return false;
    }
    return true;
  }
}
