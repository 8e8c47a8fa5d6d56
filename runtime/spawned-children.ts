// The actors that one life of an actor started below itself, linked with it: they end before it ends, their crash
// is its crash unless it traps exits, and none of them is started again.
import type { ActorRef, ActorSpec, SpawnSpec } from './actor.ts';
import { InvalidSpec, InvalidState } from './actor-errors.ts';
import type { ActorSnapshot, Child, Exit, Parent, Surroundings } from './child.ts';
import { childPath } from './child-path.ts';
import type { WatchedLife } from './end-watch.ts';

interface Spawned {
  readonly cell: Child;
  readonly up: PromiseWithResolvers<void>;
  state: 'starting' | 'running' | 'stopping';
}

/** Children of one life. */
export class SpawnedChildren implements Parent {
  readonly #parentPath: string;
  readonly #surroundings: Surroundings;
  readonly #parentLife: WatchedLife;
  readonly #children = new Map<string, Spawned>();
  #closing = false;
  #allDown: (() => void) | undefined;

  constructor(parentPath: string, surroundings: Surroundings, parentLife: WatchedLife) {
    this.#parentPath = parentPath;
    this.#surroundings = surroundings;
    this.#parentLife = parentLife;
  }

  get any(): boolean {
    return this.#children.size > 0;
  }

  async spawn<N>(spec: SpawnSpec<N>): Promise<ActorRef<N>> {
    const path = childPath(this.#parentPath, spec.id);
    if (this.#closing) throw new InvalidState(`${this.#parentPath} is ending and starts nothing`);
    if (this.#children.has(spec.id)) {
      throw new InvalidSpec(
        `expected ids to differ under ${this.#parentPath}, but "${spec.id}" is there already`,
      );
    }
    const full: ActorSpec<N> = { ...spec, type: 'actor', restart: 'temporary' };
    // A place handles messages of any type; the reference restores it.
    const cell = this.#surroundings.makeActor({ path, spec: full as ActorSpec<unknown>, parent: this });
    const spawned: Spawned = { cell, up: Promise.withResolvers<void>(), state: 'starting' };
    this.#children.set(spec.id, spawned);
    cell.start();
    await spawned.up.promise;
    return this.#surroundings.ref<N>(path);
  }

  /** Stops them, the youngest first; resolves when the last one is down. */
  stopAll(): Promise<void> {
    this.#closing = true;
    if (this.#children.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#allDown = resolve;
      this.#stopYoungest();
    });
  }

  snapshots(): readonly ActorSnapshot[] {
    return [...this.#children.values()].map(({ cell, state }) => ({
      path: cell.path,
      type: 'actor',
      state,
      restarts: 0,
      depth: cell.depth,
      children: cell.snapshotChildren(),
    }));
  }

  childStarted(id: string): void {
    const spawned = this.#children.get(id);
    if (spawned?.state !== 'starting') return;
    spawned.state = 'running';
    spawned.up.resolve();
  }

  childExited(id: string, exit: Exit): void {
    const spawned = this.#remove(id);
    if (spawned === undefined) return;
    const { path } = spawned.cell;
    const error = exit.kind === 'crash' ? exit.error : undefined;
    if (spawned.state === 'starting') {
      // The asker hears of a failed start; it decides what that means.
      spawned.up.reject(error ?? new InvalidState(`${path} ended before it was up`));
    } else if (!this.#closing) {
      this.#parentLife.linkedEnded({ path, reason: exit.kind, ...(error !== undefined && { error }) });
    }
  }

  childStopped(id: string): void {
    const spawned = this.#remove(id);
    if (spawned?.state === 'starting') {
      spawned.up.reject(new InvalidState(`${spawned.cell.path} was stopped before it was up`));
    }
  }

  #remove(id: string): Spawned | undefined {
    const spawned = this.#children.get(id);
    this.#children.delete(id);
    spawned?.cell.remove();
    if (this.#closing) this.#stopYoungest();
    return spawned;
  }

  #stopYoungest(): void {
    const youngest = [...this.#children.values()].at(-1);
    if (youngest === undefined) {
      this.#allDown?.();
      this.#allDown = undefined;
      return;
    }
    if (youngest.state === 'stopping') return;
    if (youngest.state === 'running') youngest.state = 'stopping';
    youngest.cell.stop('shutdown', true);
  }
}
