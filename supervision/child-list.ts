// The children of one supervisor in start order, with the steps that each can take. Finding, adding and taking
// off a child cost the same however many there are, and an entry is small: one supervisor may hold a hundred
// thousand of them.
import type { ActionList } from './action-list.ts';
import type { Operation } from './operation.ts';
import { InvalidSupervisionOptions } from './options-error.ts';
import type { RestartType } from './restart-type.ts';
import type { ChildState, ListedChild, SupervisedChild } from './supervisor-protocol.ts';

/** One child: what it is, how it is, and how its restarts went. */
export class ChildEntry implements ListedChild {
  readonly id: string;
  readonly restart: RestartType;
  readonly significant: boolean;
  state: ChildState = 'idle';
  /** Restarts in a row without enough healthy work between them. */
  formerRestarts = 0;
  startedMs = 0;
  /** The operation that has still something to do with it. */
  operation: Operation | undefined = undefined;

  constructor(child: SupervisedChild) {
    this.id = child.id;
    this.restart = child.restart;
    this.significant = child.significant ?? false;
  }

  get isAlive(): boolean {
    return this.state === 'running' || this.state === 'starting';
  }
}

/** Children by id, in start order; what the runtime has to do for a step is added to the actions. */
export class ChildList {
  readonly #actions: ActionList;
  readonly #byId = new Map<string, ChildEntry>();
  #significantLeft = 0;

  constructor(actions: ActionList) {
    this.#actions = actions;
  }

  /** Significant children that are in the list and not done. */
  get significantLeft(): number {
    return this.#significantLeft;
  }

  /** In start order. */
  [Symbol.iterator](): Iterator<ChildEntry> {
    return this.#byId.values();
  }

  find(id: string): ChildEntry | undefined {
    return this.#byId.get(id);
  }

  /**
   * Adds a child at the end.
   * @throws InvalidSupervisionOptions when the id is taken.
   */
  add(child: SupervisedChild): ChildEntry {
    if (this.#byId.has(child.id)) {
      throw new InvalidSupervisionOptions(
        `expected ids of children to differ, but "${child.id}" is there twice`,
      );
    }
    const entry = new ChildEntry(child);
    this.#byId.set(child.id, entry);
    if (entry.significant) this.#significantLeft += 1;
    return entry;
  }

  start(entry: ChildEntry): void {
    this.setState(entry, 'starting');
    this.#actions.add({ type: 'start', child: entry.id });
  }

  stop(entry: ChildEntry): void {
    this.setState(entry, 'stopping');
    this.#actions.add({ type: 'stop', child: entry.id });
  }

  /** It is down, and stays so unless it is asked for. */
  retire(entry: ChildEntry): void {
    if (entry.state === 'done') return;
    this.setState(entry, 'done');
    this.#actions.add({ type: 'retire', child: entry.id });
  }

  /** It is down and leaves the list. */
  remove(entry: ChildEntry): void {
    this.setState(entry, 'done');
    this.#byId.delete(entry.id);
    this.#actions.add({ type: 'remove', child: entry.id });
  }

  /** It has ended and is not started again: a temporary child leaves the list, others stay in it. */
  putDown(entry: ChildEntry): void {
    if (entry.restart === 'temporary') this.remove(entry);
    else this.retire(entry);
  }

  setState(entry: ChildEntry, state: ChildState): void {
    if (entry.significant) this.#significantLeft += Number(entry.state === 'done') - Number(state === 'done');
    entry.state = state;
  }
}
