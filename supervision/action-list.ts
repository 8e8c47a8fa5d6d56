// The actions that one event leads to, in the order in which they are to be carried out. Whoever decides a part
// of them adds to the same list.
import type { RequestOutcome, SupervisorAction } from './supervisor-protocol.ts';

/** Collects actions until they are taken. */
export class ActionList {
  #actions: SupervisorAction[] = [];

  add(action: SupervisorAction): void {
    this.#actions.push(action);
  }

  reply(request: number, outcome: RequestOutcome): void {
    this.add({ type: 'reply', request, outcome });
  }

  /** The actions so far; the list is empty then. */
  take(): readonly SupervisorAction[] {
    const actions = this.#actions;
    this.#actions = [];
    return actions;
  }
}
