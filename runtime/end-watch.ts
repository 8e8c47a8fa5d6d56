// How the end of one actor's life reaches others: watchers are told, linked actors end with it (the monitors and
// links of Erlang). Both are of one life; a restarted actor is watched or linked anew. Internal to the runtime.
import type { EndNotice } from './actor.ts';

/** Hears of an end once. */
export type EndListener = (notice: EndNotice) => void;

/** A life as watchers and linked actors see it. */
export interface WatchedLife {
  onEnd(listener: EndListener): void;
  offEnd(listener: EndListener): void;
  /** One that it is linked with has ended. */
  linkedEnded(notice: EndNotice): void;
}

/** Those who want to hear of one end; most lives have none. */
export class EndListeners {
  #listeners: Set<EndListener> | undefined;

  get any(): boolean {
    return this.#listeners !== undefined && this.#listeners.size > 0;
  }

  add(listener: EndListener): void {
    this.#listeners ??= new Set();
    this.#listeners.add(listener);
  }

  delete(listener: EndListener): void {
    this.#listeners?.delete(listener);
  }

  /** Tells everyone, in the order in which they came; later calls find nobody. */
  tellAll(notice: EndNotice): void {
    const listeners = this.#listeners;
    this.#listeners = undefined;
    for (const listener of listeners ?? []) listener(notice);
  }
}
