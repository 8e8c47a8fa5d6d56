// Plans for the whole system: exactly one node does at a time, whoever holds the coordinator's record, which counts as
// long as that node's own lease. It only offers: owners let go and takers take by the records alone, so that without
// a coordinator nothing stops but balancing.
import { handOversOf } from '#supervision';
import type { SharedRecords } from '../ports.ts';
import { changeShard } from './change-shard.ts';
import type { ClusterHappening } from './cluster-event.ts';
import type { ClusterView } from './cluster-view.ts';
import { COORDINATOR_KEY, type CoordinatorRecord } from './coordinator-record.ts';
import { encodeRecord, nodeKey } from './node-record.ts';

/** What a coordinator is made from. */
export interface CoordinatorOptions {
  readonly node: string;
  readonly incarnation: string;
  readonly view: ClusterView;
  readonly nodes: SharedRecords;
  readonly records: SharedRecords;
  /** Keys of all shards that are to be owned by someone. */
  readonly shards: () => readonly string[];
  readonly mayAct: () => boolean;
  readonly emit: (happening: ClusterHappening) => void;
}

/** A record is forgotten when its node has been gone for so many of its leases. */
const FORGET_AFTER_LEASES = 6;

/** The coordinator that this node is, when it is. */
export class Coordinator {
  readonly #options: CoordinatorOptions;
  readonly #forgotten = new Set<number>();

  constructor(options: CoordinatorOptions) {
    this.#options = options;
  }

  /** Takes the record if nobody living holds it; offers and withdraws what is due if this node holds it. */
  async step(): Promise<void> {
    if (!this.#options.mayAct() || !(await this.#holds())) return;
    await this.#forgetNodes();
    const { view, shards } = this.#options;
    const { offers, withdrawals } = handOversOf(view.recorded(shards()), view.members());
    for (const shard of withdrawals) {
      const record = await changeShard(this.#options, shard, { type: 'withdraw' });
      if (record !== undefined) this.#tell(shard, 'withdrawn');
    }
    for (const { shard, to: target } of offers) {
      if (!this.#options.mayAct()) return;
      const record = await changeShard(this.#options, shard, { type: 'offer', target });
      if (record !== undefined) this.#tell(shard, 'offered', target);
    }
  }

  #tell(shard: string, phase: 'offered' | 'withdrawn', target?: string): void {
    const { view, node, emit } = this.#options;
    const epoch = view.shard(shard).record?.epoch ?? 0;
    emit({ type: 'handoff', shard, phase, epoch, node, ...(target !== undefined && { target }) });
  }

  async #holds(): Promise<boolean> {
    const { view, node, incarnation, nodes, emit } = this.#options;
    const { record, revision } = view.coordinator;
    if (record?.node === node && record.incarnation === incarnation) return true;
    const members = view.members();
    const present = record !== undefined && members.some(({ id }) => id === record.node);
    if (present && view.node(record.node)?.record.incarnation === record.incarnation) return false;
    if (!members.some(({ id, state }) => id === node && state === 'active')) return false;
    const mine: CoordinatorRecord = { node, incarnation };
    if ((await nodes.compareAndSet(COORDINATOR_KEY, encodeRecord(mine), revision)) !== undefined) {
      emit({ type: 'coordinator', node });
    }
    // It plans from the next step on, by a view that shows the record.
    return false;
  }

  /** Deletes records of nodes that have long been gone, so that they cost nothing for ever. */
  async #forgetNodes(): Promise<void> {
    const { view, nodes } = this.#options;
    for (const { id, reach, silentMs } of view.standings()) {
      const known = view.node(id);
      if (reach !== 'gone' || known === undefined || this.#forgotten.has(known.revision)) continue;
      if (silentMs < known.record.leaseMs * FORGET_AFTER_LEASES) continue;
      this.#forgotten.add(known.revision);
      await nodes.deleteAt(nodeKey(id), known.revision);
    }
  }
}
