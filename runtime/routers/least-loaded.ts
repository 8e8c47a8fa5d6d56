// Spreads messages over a pool of equal actors, such as the worker threads that decode images: each goes to the one
// with the least to do.
import { type Member, type MembersOrRefs, membersOf } from './members.ts';
import { inTurn, loadOf, type Pool, type Route, RoutedPool } from './pool.ts';

/**
 * A pool over these actors. The load of each is the larger of its mailbox's depth and of what routers have under way
 * there; among equals they take turns.
 * @throws RangeError when there are none
 */
export function leastLoaded<M>(members: MembersOrRefs<M>): Pool<M> {
  return new RoutedPool(membersOf(members), new LeastLoaded<M>());
}

class LeastLoaded<M> implements Route<M> {
  #turn = 0;

  order(live: readonly Member<M>[]): readonly Member<M>[] {
    return [...inTurn(live, this.#turn % live.length)].sort((one, other) => loadOf(one) - loadOf(other));
  }

  taken(): void {
    this.#turn += 1;
  }
}
