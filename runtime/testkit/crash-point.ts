// A crash of an actor at a named place of its code, in the test's own process.
import type { FaultPoints } from '../fault-points.ts';

/** Throws once at a named place: a crash of the actor exactly there. */
export class CrashPoint implements FaultPoints {
  readonly #places: string[];
  /** Places that were passed, in order. */
  readonly reached: string[] = [];

  /** A crash at each of `places`, in the order in which they are met; a place named twice crashes twice. */
  constructor(...places: readonly string[]) {
    this.#places = [...places];
  }

  reach(place: string): void {
    this.reached.push(place);
    const at = this.#places.indexOf(place);
    if (at === -1) return;
    this.#places.splice(at, 1);
    throw new Error(`crash at ${place}`);
  }
}
