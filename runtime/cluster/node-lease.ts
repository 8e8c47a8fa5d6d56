// A node's membership: its record in the system, renewed by compare-and-set on the event loop that runs its actors,
// so that a blocked or frozen process, or one that is cut off, loses it. Whoever loses it has to stop: the node says
// so once, and `holds` is false from then on.
import { toError } from '../actor-errors.ts';
import { StorageFull } from '../journal-errors.ts';
import type { Clock, Logger, RecordStore } from '../ports.ts';
import { NodeLeaseLost, NodeNameTaken } from './cluster-errors.ts';
import { encodeRecord, type NodeRecord, nodeKey } from './node-record.ts';

/** What a lease is made from. */
export interface NodeLeaseOptions {
  readonly records: RecordStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly node: Omit<NodeRecord, 'state'>;
  /** Called once, when the node must stop. */
  readonly lost: (error: NodeLeaseLost | NodeNameTaken) => void;
}

/** Renewals in one lease time. */
const RENEWALS = 3;

/** The lease of this process; `join` takes it. */
export class NodeLease {
  readonly #options: NodeLeaseOptions;
  #state: NodeRecord['state'] = 'joining';
  #revision: number;
  /** When the last renewal that succeeded, or that only had no room, was begun. */
  #renewedMs: number;
  #over = false;
  readonly #ended = Promise.withResolvers<void>();
  #cancelRenewal: () => void = () => {};
  #cancelDeadline: () => void = () => {};
  /** One write at a time. It never rejects. */
  #writing: Promise<void> = Promise.resolve();

  /**
   * Writes the record in the state `joining`, over one that a former process of this name left: a process that still
   * uses the name finds its next renewal refused and stops.
   * @throws NodeNameTaken when another process joins under the name at the same time
   */
  static async join(options: NodeLeaseOptions): Promise<NodeLease> {
    const { records, clock, node } = options;
    const key = nodeKey(node.name);
    const before = await records.get(key);
    const startedMs = clock.monotonicMs();
    const value = encodeRecord({ ...node, state: 'joining' } satisfies NodeRecord);
    const revision = await records.compareAndSet(key, value, before?.revision ?? 0);
    if (revision === undefined) throw new NodeNameTaken(node.name);
    return new NodeLease(options, revision, startedMs);
  }

  private constructor(options: NodeLeaseOptions, revision: number, renewedMs: number) {
    this.#options = options;
    this.#revision = revision;
    this.#renewedMs = renewedMs;
    this.#awaitDeadline();
    this.#awaitRenewal();
  }

  get state(): NodeRecord['state'] {
    return this.#state;
  }

  /** Whether the node may answer and write now. */
  holds(): boolean {
    return !this.#over && this.#silentMs() < this.#options.node.leaseMs;
  }

  /** Says to the others what this node is now; resolves when they can read it, or when the lease is over. */
  async become(state: Exclude<NodeRecord['state'], 'joining'>): Promise<void> {
    this.#state = state;
    await Promise.race([this.#write(), this.#ended.promise]);
    if (state === 'left') this.close();
  }

  /** Ends the lease if the record that was read is of another process. */
  check(record: NodeRecord | undefined): void {
    const { node, lost } = this.#options;
    if (this.#over || record === undefined || record.incarnation === node.incarnation) return;
    this.close();
    lost(new NodeNameTaken(node.name));
  }

  /** Ends the renewals; the record stays as it is. */
  close(): void {
    this.#over = true;
    this.#ended.resolve();
    this.#cancelRenewal();
    this.#cancelDeadline();
  }

  #silentMs(): number {
    return this.#options.clock.monotonicMs() - this.#renewedMs;
  }

  #awaitRenewal(): void {
    const { clock, node } = this.#options;
    this.#cancelRenewal = clock.schedule(node.leaseMs / RENEWALS, () => {
      this.#awaitRenewal();
      void this.#write();
    });
  }

  #awaitDeadline(): void {
    const { clock, node } = this.#options;
    this.#cancelDeadline();
    // Timers may run out a little early: then there is time left, and another one is needed.
    const leftMs = Math.max(1, node.leaseMs - this.#silentMs());
    this.#cancelDeadline = clock.schedule(leftMs, () => {
      if (this.#stillHeld()) this.#awaitDeadline();
    });
  }

  /** Ends the lease when it has run out, however late this process finds that. */
  #stillHeld(): boolean {
    if (this.#over) return false;
    if (this.holds()) return true;
    const { node, lost } = this.#options;
    const error = new NodeLeaseLost(node.name, this.#silentMs(), node.leaseMs);
    this.close();
    lost(error);
    return false;
  }

  #write(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#renew());
    return this.#writing;
  }

  async #renew(): Promise<void> {
    if (!this.#stillHeld()) return;
    const { records, clock, log, node, lost } = this.#options;
    const startedMs = clock.monotonicMs();
    const value = encodeRecord({ ...node, state: this.#state } satisfies NodeRecord);
    let revision: number | undefined;
    try {
      revision = await records.compareAndSet(nodeKey(node.name), value, this.#revision);
    } catch (thrown) {
      log.warn({ node: node.name, err: toError(thrown) }, 'lease was not renewed');
      // Where there is no room nobody can take anything from this node, which is not cut off: it goes on to wait for
      // room with the others. Any other failure may be its own, and the deadline decides whether that was too long.
      if (thrown instanceof StorageFull) this.#heldFrom(startedMs);
      return;
    }
    if (this.#over) return;
    if (revision === undefined) {
      this.close();
      lost(new NodeNameTaken(node.name));
      return;
    }
    this.#revision = revision;
    this.#heldFrom(startedMs);
  }

  #heldFrom(startedMs: number): void {
    this.#renewedMs = startedMs;
    if (this.#stillHeld()) this.#awaitDeadline();
  }
}
