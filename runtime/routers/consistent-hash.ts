// Gives all messages of one key to one member, so that it can keep what it knows of that key. By rendezvous hashing:
// each member has a weight for each key and the heaviest gets it, so that a member which leaves gives up only its own
// keys and one that comes takes only those it is the heaviest for.
import { type Member, type MembersOrRefs, membersOf } from './members.ts';
import { type Pool, type Route, RoutedPool } from './pool.ts';

/** Pools by key. */
export interface KeyedPool<M> {
  /** The pool as messages of this key see it: one member, which they wait for when it is full. */
  at(key: string): Pool<M>;
}

/**
 * A pool over these actors in which all messages of a key go to one member. It stays the same in every process and
 * over restarts, for it hangs on the paths of the members and the key only.
 * @throws RangeError when there are none
 */
export function consistentHash<M>(members: MembersOrRefs<M>): KeyedPool<M> {
  const pool = membersOf(members);
  return { at: (key) => new RoutedPool(pool, new Heaviest<M>(key)) };
}

class Heaviest<M> implements Route<M> {
  readonly #keyHash: number;

  constructor(key: string) {
    this.#keyHash = hashOf(key);
  }

  order(live: readonly Member<M>[]): readonly Member<M>[] {
    const heaviest = live.reduce((one, other) => (this.#isHeavier(other, one) ? other : one));
    return [heaviest];
  }

  #isHeavier(one: Member<M>, other: Member<M>): boolean {
    const weights = [one, other].map(({ ref }) => mixed(this.#keyHash ^ mixed(hashOf(ref.path))));
    const [first = 0, second = 0] = weights;
    return first === second ? one.ref.path < other.ref.path : first > second;
  }
}

/** FNV-1a over UTF-16 code units, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return hash >>> 0;
}

/** Spreads every bit over all (the finaliser of MurmurHash3). */
function mixed(hash: number): number {
  let mixing = hash ^ (hash >>> 16);
  mixing = Math.imul(mixing, 0x85ebca6b);
  mixing ^= mixing >>> 13;
  mixing = Math.imul(mixing, 0xc2b2ae35);
  return (mixing ^ (mixing >>> 16)) >>> 0;
}
