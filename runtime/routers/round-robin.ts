// Spreads messages over a pool in turn, whatever each member has to do: for work of even size, where looking at every
// member's load would cost more than it saves.
import { type Member, type MembersOrRefs, membersOf } from './members.ts';
import { inTurn, type Pool, type Route, RoutedPool } from './pool.ts';

/**
 * A pool over these actors, who get a message each in turn; a member without room is passed over.
 * @throws RangeError when there are none
 */
export function roundRobin<M>(members: MembersOrRefs<M>): Pool<M> {
  return new RoutedPool(membersOf(members), new RoundRobin<M>());
}

class RoundRobin<M> implements Route<M> {
  #last: Member<M> | undefined;

  order(live: readonly Member<M>[]): readonly Member<M>[] {
    const last = this.#last === undefined ? -1 : live.indexOf(this.#last);
    return inTurn(live, (last + 1) % live.length);
  }

  taken(member: Member<M>): void {
    this.#last = member;
  }
}
