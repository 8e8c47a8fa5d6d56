// Which nodes of a system are there, in the eyes of one observer. A node renews its record; the observer sees the
// record's revision change and measures the time since then on its own monotonic clock. Nothing else proves that a
// node is gone: neither a record that expired or vanished, nor any time that another machine wrote down.
import type { Member } from './allocation/allocation.ts';

/** What a node says of itself. `left`: it has handed over or stopped what it had, and will not renew again. */
export type RecordedState = 'joining' | 'active' | 'draining' | 'left';

/** A node's record as it was read. */
export interface NodeSighting {
  readonly id: string;
  /** Of the record: it changes with each renewal. */
  readonly revision: number;
  readonly state: RecordedState;
  readonly weight: number;
  /** Whether it owns shards at all; default true. */
  readonly ownsShards?: boolean;
  /** Without a renewal for so long the node is gone. */
  readonly leaseMs: number;
}

/**
 * `fresh`: seen to renew within half of its lease. `unreachable`: not since then. `gone`: not for the whole lease, or
 * it has left.
 */
export type Reach = 'fresh' | 'unreachable' | 'gone';

/** A node as the observer knows it. */
export interface NodeStanding {
  readonly id: string;
  readonly recorded: RecordedState;
  readonly reach: Reach;
  /** Milliseconds for which the observer watched without seeing a renewal. */
  readonly silentMs: number;
}

interface Watched {
  sighting: NodeSighting;
  /** When the observer saw the present revision first. */
  changedMs: number;
}

/** The observer's memory; every time is its own monotonic clock's. */
export class Membership {
  readonly #watched = new Map<string, Watched>();
  #observedMs: number | undefined;

  /** What a read of all records gave, begun at `nowMs`. Nodes that it does not name were not seen to renew. */
  observe(sightings: readonly NodeSighting[], nowMs: number): void {
    const blindMs = nowMs - (this.#observedMs ?? nowMs);
    for (const watched of this.#watched.values()) {
      // An observer that was blind (frozen, cut off) cannot tell who renewed meanwhile: it watches anew.
      if (blindMs > watched.sighting.leaseMs / 2) watched.changedMs = nowMs;
    }
    for (const sighting of sightings) {
      const known = this.#watched.get(sighting.id);
      if (known === undefined) this.#watched.set(sighting.id, { sighting, changedMs: nowMs });
      else if (sighting.revision > known.sighting.revision) {
        known.sighting = sighting;
        known.changedMs = nowMs;
      }
    }
    this.#observedMs = nowMs;
  }

  /** Every node that was ever seen, by id, as of the last `observe`. */
  standings(): readonly NodeStanding[] {
    return [...this.#watched.values()].map((watched) => this.#standing(watched)).sort(byId);
  }

  standing(id: string): NodeStanding | undefined {
    const watched = this.#watched.get(id);
    return watched && this.#standing(watched);
  }

  /** The nodes that own shards and are not gone, by id, as allocation sees them. */
  members(): readonly Member[] {
    const members: Member[] = [];
    for (const watched of this.#watched.values()) {
      const { id, weight, state, ownsShards = true } = watched.sighting;
      const { reach } = this.#standing(watched);
      if (reach === 'gone' || state === 'left' || !ownsShards) continue;
      members.push({ id, weight, state: reach === 'unreachable' ? 'unreachable' : state });
    }
    return members.sort(byId);
  }

  #standing({ sighting, changedMs }: Watched): NodeStanding {
    const { id, state, leaseMs } = sighting;
    const silentMs = (this.#observedMs ?? changedMs) - changedMs;
    const gone = state === 'left' || silentMs >= leaseMs;
    const reach = gone ? 'gone' : silentMs >= leaseMs / 2 ? 'unreachable' : 'fresh';
    return { id, recorded: state, reach, silentMs };
  }
}

function byId(one: { readonly id: string }, other: { readonly id: string }): number {
  return one.id < other.id ? -1 : 1;
}
