// A node as a member of its system: it joins, looks at the records again and again, owns what the plan gives it, hands
// over and leaves. Everything that decides is elsewhere (supervision/); this keeps the rhythm.
import { mayTakePart } from '#supervision';
import { toError } from '../actor-errors.ts';
import type { FaultPoints } from '../fault-points.ts';
import { pause } from '../pause.ts';
import type { Clock, Logger, RandomSource, SharedRecords } from '../ports.ts';
import { CodecIncompatible, type NodeLeaseLost, type NodeNameTaken } from './cluster-errors.ts';
import type { ClusterEvent, ClusterHappening } from './cluster-event.ts';
import { ClusterView } from './cluster-view.ts';
import { CodecVote } from './codec-vote.ts';
import { Coordinator } from './coordinator.ts';
import { NodeLease } from './node-lease.ts';
import type { NodeRecord } from './node-record.ts';
import { OwnershipLoop } from './ownership-loop.ts';
import type { ShardHost } from './shard-host.ts';
import type { FailingShard } from './shard-retries.ts';

/** What a node needs to be a member. */
export interface ClusterNodeOptions {
  readonly node: Omit<NodeRecord, 'state'>;
  /** Records of the nodes, and of the shards. */
  readonly nodes: SharedRecords;
  readonly shardRecords: SharedRecords;
  readonly host: ShardHost;
  /** Keys of all shards that are to be owned by someone. */
  readonly shards: () => readonly string[];
  readonly clock: Clock;
  /** For the jitter of retries. */
  readonly random: RandomSource;
  readonly log: Logger;
  /** Called once: the node must stop. Nothing is taken, renewed or answered by its lease from then on. */
  readonly lost: (error: NodeLeaseLost | NodeNameTaken) => void;
  /** Told which version of the message format to write from now on, first while it joins. */
  readonly writes?: (version: number) => void;
  readonly onEvent?: (event: ClusterEvent) => void;
  readonly faults?: FaultPoints;
  /** For the test that the fence alone keeps one writer: acts without a lease, too. Default `heeded`. */
  readonly lease?: 'heeded' | 'ignored';
}

/** Looks at the records in one lease time, while nothing happens. */
const LOOKS = 10;
const MAX_LOOK_MS = 1_000;
/** Between looks while a hand-off is under way. */
const BUSY_LOOK_MS = 50;

/** Enough for a thousand shards to be taken a few at a time. */
const SETTLING_ROUNDS = 100;

/** A member of a system. */
export class ClusterNode {
  readonly view: ClusterView;
  readonly #options: ClusterNodeOptions;
  readonly #lease: NodeLease;
  readonly #loop: OwnershipLoop;
  readonly #coordinator: Coordinator;
  readonly #codecVote: CodecVote;
  readonly #states = new Map<string, string>();
  #looking: Promise<void> = Promise.resolve();
  #cancelLook: () => void = () => {};
  #closed = false;

  /**
   * Joins in the state `joining`: it owns nothing until `activate`.
   * @throws CodecIncompatible, NodeNameTaken
   */
  static async join(options: ClusterNodeOptions): Promise<ClusterNode> {
    const { nodes, shardRecords: shards, clock } = options;
    const view = new ClusterView({ nodes, shards, clock });
    await view.refresh();
    checkCodec(view, options.node);
    let joined: ClusterNode | undefined;
    const lease = await NodeLease.join({
      ...options,
      records: nodes,
      lost: (error) => {
        if (options.lease !== 'ignored' && joined !== undefined) joined.#endRhythm();
        options.lost(error);
      },
    });
    joined = new ClusterNode(options, view, lease);
    try {
      // Only now is this node seen by whoever goes over to another version; what they had agreed on before, it sees.
      await view.refresh();
      checkCodec(view, options.node);
      await joined.look();
      return joined;
    } catch (error) {
      if (error instanceof CodecIncompatible) await joined.leave();
      joined.close();
      throw error;
    }
  }

  private constructor(options: ClusterNodeOptions, view: ClusterView, lease: NodeLease) {
    this.view = view;
    this.#options = options;
    this.#lease = lease;
    const common = {
      node: options.node.name,
      view,
      records: options.shardRecords,
      shards: options.shards,
      mayAct: () => !this.#closed && this.holds(),
      emit: (happening: ClusterHappening) => this.#emit(happening),
    };
    const { faults } = options;
    this.#loop = new OwnershipLoop({
      ...common,
      host: options.host,
      clock: options.clock,
      random: options.random,
      log: options.log,
      ...(faults && { faults }),
    });
    this.#coordinator = new Coordinator({
      ...common,
      incarnation: options.node.incarnation,
      nodes: options.nodes,
    });
    const { nodes, writes = () => {} } = options;
    this.#codecVote = new CodecVote({ view, nodes, writes });
  }

  /** Whether this node may answer and write now. */
  holds(): boolean {
    return this.#options.lease === 'ignored' || this.#lease.holds();
  }

  /** Shards that run here, by the epoch under which they were taken. */
  get hosted(): ReadonlyMap<string, number> {
    return this.#loop.hosted;
  }

  /** Shards that could not be started here and wait to be tried again. */
  get failing(): readonly FailingShard[] {
    return this.#loop.failing;
  }

  /** Takes part from now on; resolves when what the plan gives it at once is answering. */
  async activate(): Promise<void> {
    await this.#lease.become('active');
    await this.settle();
    this.#awaitLook();
  }

  /**
   * Looks until nothing is due here for the moment: after shards were added or taken away, say. What keeps failing is
   * left to later looks.
   */
  async settle(): Promise<void> {
    for (let round = 0; round < SETTLING_ROUNDS && !this.#closed; round += 1) {
      await this.look();
      await this.#loop.settled();
      if (!this.#loop.isDue) return;
    }
  }

  /** Reads the records and begins what is due by them; one at a time. */
  look(): Promise<void> {
    this.#looking = this.#looking.then(() => this.#look());
    return this.#looking;
  }

  /**
   * Hands everything over and leaves. Resolves after `deadlineMs` at the latest, plus the time that shards need to
   * stop; what could not be handed over is taken by others at once, as this node says that it has left.
   */
  async drain(deadlineMs: number): Promise<void> {
    const { clock } = this.#options;
    const untilMs = clock.monotonicMs() + deadlineMs;
    await this.#lease.become('draining');
    while (this.#mayStillHandOver() && clock.monotonicMs() < untilMs) {
      await this.look();
      await pause(clock, BUSY_LOOK_MS);
    }
    await this.leave();
  }

  /** Stops what runs here and says that this node has left. */
  async leave(): Promise<void> {
    this.#endRhythm();
    await this.#looking;
    await this.#loop.stopAll();
    await this.#lease.become('left');
  }

  /** Ends the rhythm and the lease without a word to the others, who miss this node after its lease. */
  close(): void {
    this.#endRhythm();
    this.#lease.close();
  }

  #endRhythm(): void {
    this.#closed = true;
    this.#cancelLook();
  }

  #mayStillHandOver(): boolean {
    const others = this.view.members().some(({ id, state }) => this.#isOther(id) && state === 'active');
    return !this.#closed && this.hosted.size > 0 && others;
  }

  #isOther(id: string): boolean {
    return id !== this.#options.node.name;
  }

  #awaitLook(): void {
    if (this.#closed) return;
    const { clock, node } = this.#options;
    const idleMs = Math.min(MAX_LOOK_MS, node.leaseMs / LOOKS);
    const soonMs = this.#loop.isBusy ? BUSY_LOOK_MS : Math.max(BUSY_LOOK_MS, this.#loop.retryMs);
    const delayMs = Math.min(idleMs, soonMs);
    this.#cancelLook = clock.schedule(delayMs, () => {
      void this.look().then(() => this.#awaitLook());
    });
  }

  async #look(): Promise<void> {
    if (this.#closed) return;
    try {
      await this.view.refresh();
      this.#lease.check(this.view.node(this.#options.node.name)?.record);
      this.#tellMembers();
      this.#codecVote.follow();
      if (this.holds() && this.#lease.state === 'active') await this.#codecVote.step();
      await this.#coordinator.step();
      this.#loop.step();
    } catch (thrown) {
      this.#options.log.warn({ err: toError(thrown) }, 'the records of the system could not be read');
    }
  }

  #tellMembers(): void {
    for (const { id, reach, recorded } of this.view.standings()) {
      const gone = reach === 'gone' && recorded !== 'left';
      const state = gone ? 'gone' : reach === 'unreachable' ? 'unreachable' : recorded;
      if (this.#states.get(id) === state) continue;
      this.#states.set(id, state);
      this.#emit({ type: 'member', node: id, state });
    }
  }

  #emit(happening: ClusterHappening): void {
    const { type, ...fields } = happening;
    // Shards are many: their changes are told as events, and to the log only when it is asked for detail.
    this.#options.log[type === 'handoff' ? 'debug' : 'info'](fields, type);
    try {
      this.#options.onEvent?.({ ...happening, atMs: this.#options.clock.wallMs() });
    } catch (thrown) {
      this.#options.log.error({ err: toError(thrown) }, 'the listener to cluster events threw');
    }
  }
}

/** @throws CodecIncompatible when this program cannot take part in what is agreed on; it names a node that does, if any. */
function checkCodec(view: ClusterView, own: Omit<NodeRecord, 'state'>): void {
  const agreed = view.codec.record;
  if (mayTakePart(agreed, own.codec)) return;
  const other = view.present().find(({ name, codec }) => {
    return name !== own.name && (codec.lowest > own.codec.highest || codec.highest < own.codec.lowest);
  });
  throw other === undefined
    ? CodecIncompatible.withSystem(own.codec, agreed)
    : CodecIncompatible.withNode(own.codec, other);
}
