// How much each replica of a service has to do, as they tell each other, and who of them gets a request: whoever has room.
import type { Clock } from '#runtime';

/** How busy a replica is. */
export interface ReplicaLoad {
  readonly node: string;
  /** Requests that wait or are in hand. */
  readonly load: number;
  /** Requests that its sessions take at once: with fewer it has room. */
  readonly capacity: number;
}

/** A replica that was not heard of for so long counts as gone. */
export const REPLICA_SILENT_MS = 3_000;

export class Replicas {
  readonly #clock: Clock;
  readonly #self: string;
  readonly #heard = new Map<string, ReplicaLoad & { readonly atMs: number }>();

  constructor(self: string, clock: Clock) {
    this.#self = self;
    this.#clock = clock;
  }

  heard(load: ReplicaLoad): void {
    if (load.node !== this.#self) this.#heard.set(load.node, { ...load, atMs: this.#clock.monotonicMs() });
  }

  left(node: string): void {
    this.#heard.delete(node);
  }

  /** Loads of the others that are there. */
  get others(): readonly ReplicaLoad[] {
    const sinceMs = this.#clock.monotonicMs() - REPLICA_SILENT_MS;
    for (const [node, { atMs }] of this.#heard) if (atMs < sinceMs) this.#heard.delete(node);
    return [...this.#heard.values()].map(({ node, load, capacity }) => ({ node, load, capacity }));
  }

  /**
   * The replica that is to get a request which has come to this one: this one while it has room, then one that has, then
   * the one with the least to do for what it can. What is passed on counts at once, before its replica tells it.
   */
  choose(own: Pick<ReplicaLoad, 'load' | 'capacity'>): string {
    if (own.load < own.capacity) return this.#self;
    let best: ReplicaLoad = { node: this.#self, ...own };
    for (const other of this.others) if (busyness(other) < busyness(best)) best = other;
    const heard = this.#heard.get(best.node);
    if (heard !== undefined) this.#heard.set(best.node, { ...heard, load: heard.load + 1 });
    return best.node;
  }
}

function busyness({ load, capacity }: ReplicaLoad): number {
  return load / Math.max(1, capacity);
}
