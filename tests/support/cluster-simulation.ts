// Several members of one system in the test's process, on one manual clock and on records and journals in memory. A
// node can be frozen (its timers and answers wait), killed (they never come) and drained at any moment, and every
// access takes a time that is drawn, so that steps of different nodes interleave in every way.
import type { RandomSource } from '#runtime';
import {
  type Clock,
  type ClusterEvent,
  ClusterNode,
  type CodecRange,
  drainKey,
  encodeRecord,
  type FailingShard,
  type HandOffPhase,
  JournalFenced,
  pinKey,
  type RecordChange,
  type ShardHost,
  type SharedRecords,
  silentLogger,
} from '#runtime';
import { ManualClock, MemoryJournal, MemoryRecords } from '#testkit';

/** Lease time of every node. */
export const LEASE_MS = 1_000;
/** Longest that a drain waits for others. */
export const DRAIN_MS = 3_000;
const WRITE_EVERY_MS = 30;
const MAX_ACCESS_MS = 25;

type HandOff = Extract<ClusterEvent, { type: 'handoff' }>;

/** What all nodes share. */
export class SimulatedCluster {
  readonly clock = new ManualClock();
  readonly nodeRecords = new MemoryRecords();
  readonly shardRecords = new MemoryRecords();
  readonly shards: readonly string[];
  readonly nodes = new Map<string, SimulatedNode>();
  readonly events: ClusterEvent[] = [];
  readonly random: RandomSource;
  readonly lease: 'heeded' | 'ignored';
  /** Told of each event beside `events`. */
  readonly onEvent: (event: ClusterEvent) => void;
  readonly #journals = new Map<string, MemoryJournal>();

  constructor(options: {
    readonly shards: number;
    readonly random: RandomSource;
    readonly lease?: 'heeded' | 'ignored';
    readonly onEvent?: (event: ClusterEvent) => void;
  }) {
    this.shards = Array.from({ length: options.shards }, (_, shard) => `photos.${shard}`);
    this.random = options.random;
    this.lease = options.lease ?? 'heeded';
    this.onEvent = options.onEvent ?? (() => {});
  }

  /** Orders a node to give its shards away, or takes the order back. */
  orderDrain(node: string, drained: boolean): Promise<void> {
    return this.#order(drainKey(node), { node, drained });
  }

  /** Moves a shard to a node as a person does, or lets balance decide again. */
  orderMove(shard: string, node: string | null): Promise<void> {
    return this.#order(pinKey(shard), { shard, node });
  }

  async #order(key: string, record: object): Promise<void> {
    const before = await this.nodeRecords.get(key);
    await this.nodeRecords.compareAndSet(key, encodeRecord(record), before?.revision ?? 0);
  }

  journal(shard: string): MemoryJournal {
    const journal = this.#journals.get(shard) ?? new MemoryJournal();
    this.#journals.set(shard, journal);
    return journal;
  }

  /** Starts a process under the name, unless one runs; it joins and becomes active while time moves on. */
  start(name: string, codec?: CodecRange): void {
    if (this.nodes.get(name)?.isOver === false) return;
    this.startAgain(name, codec);
  }

  /** Starts a process under the name although another one runs. */
  startAgain(name: string, codec: CodecRange = { lowest: 1, highest: 1 }): void {
    this.nodes.set(name, new SimulatedNode(this, name, codec));
  }

  node(name: string): SimulatedNode {
    const node = this.nodes.get(name);
    if (node === undefined) throw new RangeError(`no node ${name} was started`);
    return node;
  }

  /** What happened to a shard between nodes, in order. */
  handOffs(shard?: string): readonly HandOff[] {
    const all = this.events.filter((event): event is HandOff => event.type === 'handoff');
    return all.filter((event) => shard === undefined || event.shard === shard);
  }

  /** Each time that a phase was reached. */
  phases(phase: HandOffPhase): readonly HandOff[] {
    return this.handOffs().filter((event) => event.phase === phase);
  }

  /** Nodes that are neither killed nor stopped nor frozen. */
  living(): readonly SimulatedNode[] {
    return [...this.nodes.values()].filter((node) => !node.isOver && !node.isFrozen);
  }

  /** Owner and epoch by shard, as recorded. */
  async owners(): Promise<ReadonlyMap<string, { readonly owner: string; readonly epoch: number }>> {
    const owners = new Map<string, { owner: string; epoch: number }>();
    for (const shard of this.shards) {
      const text = this.shardRecords.text(shard);
      if (text === undefined) continue;
      const { phase, owner, epoch } = JSON.parse(text) as { phase: string; owner: string; epoch: number };
      if (phase === 'active') owners.set(shard, { owner, epoch });
    }
    return owners;
  }
}

/** One process of a node. */
export class SimulatedNode {
  readonly name: string;
  readonly #cluster: SimulatedCluster;
  /** Shards that it answers for, by epoch. */
  readonly running = new Map<string, number>();
  /** The version of the message format that it writes. */
  writes = 0;
  /** Why it must stop, when it must. */
  lost: Error | undefined;
  isFrozen = false;
  isOver = false;
  #member: ClusterNode | undefined;
  #neverPrepares = false;
  #failsToPrepare = false;
  #startsToFail = 0;
  readonly #failing = new Set<string>();
  #thawed: PromiseWithResolvers<void> | undefined;

  constructor(cluster: SimulatedCluster, name: string, codec: CodecRange) {
    this.#cluster = cluster;
    this.name = name;
    void this.#run(codec).catch((error: Error) => this.#stop(error));
  }

  get holds(): boolean {
    return this.#member?.holds() === true;
  }

  kill(): void {
    this.isOver = true;
    this.running.clear();
  }

  freeze(): void {
    if (this.isFrozen || this.isOver) return;
    this.isFrozen = true;
    this.#thawed = Promise.withResolvers();
  }

  thaw(): void {
    this.isFrozen = false;
    this.#thawed?.resolve();
  }

  /** Shards that its ownership loop believes to run. */
  get hosted(): ReadonlyMap<string, number> {
    return this.#member?.hosted ?? new Map();
  }

  /** The next start of a shard fails after its record was taken. */
  failNextStart(): void {
    this.#startsToFail += 1;
  }

  /** From now on, or until `heal`, every start of the shard fails after its record was taken. */
  failStarts(shard: string): void {
    this.#failing.add(shard);
  }

  heal(shard: string): void {
    this.#failing.delete(shard);
  }

  /** The shard ends by itself, as when its supervisor has given up. */
  endShard(shard: string): void {
    this.running.delete(shard);
  }

  /** Shards that could not be started here. */
  get failingShards(): readonly FailingShard[] {
    return this.#member?.failing ?? [];
  }

  /** From now on loading a shard that is offered to it fails. */
  failPreparing(): void {
    this.#failsToPrepare = true;
  }

  /** From now on it never gets ready for a shard that is offered to it. */
  blockPreparing(): void {
    this.#neverPrepares = true;
  }

  /** Hands over and leaves while time moves on. */
  drain(): void {
    void this.#member?.drain(DRAIN_MS).then(() => this.kill());
  }

  async #run(codec: CodecRange): Promise<void> {
    const cluster = this.#cluster;
    const clock = this.#clock();
    const member = await ClusterNode.join({
      node: {
        name: this.name,
        incarnation: String(cluster.random.next()),
        version: '1.0.0',
        codec,
        weight: 1,
        leaseMs: LEASE_MS,
        started: '',
      },
      nodes: this.#records(cluster.nodeRecords),
      shardRecords: this.#records(cluster.shardRecords),
      host: this.#host(clock),
      shards: () => cluster.shards,
      clock,
      random: cluster.random,
      log: silentLogger,
      lost: (error) => this.#stop(error),
      onEvent: (event) => {
        cluster.events.push(event);
        cluster.onEvent(event);
      },
      writes: (version) => {
        this.writes = version;
      },
      lease: cluster.lease,
    });
    this.#member = member;
    await member.activate();
  }

  #stop(error: Error): void {
    this.lost = error;
    if (this.#cluster.lease === 'heeded') this.kill();
  }

  /** Takes a while; waits while the node is frozen; never ends once it is killed. */
  async #access(): Promise<void> {
    const { clock, random } = this.#cluster;
    const delayMs = Math.floor(random.next() * MAX_ACCESS_MS);
    if (delayMs > 0) await new Promise<void>((resolve) => void clock.schedule(delayMs, resolve));
    while (this.isFrozen) await this.#thawed?.promise;
    if (this.isOver) await new Promise<never>(() => {});
  }

  #clock(): Clock {
    const { clock } = this.#cluster;
    return {
      monotonicMs: () => clock.monotonicMs(),
      wallMs: () => clock.wallMs(),
      schedule: (delayMs, action) => {
        let cancelled = false;
        const cancel = clock.schedule(delayMs, () => {
          if (!this.isFrozen) {
            if (!this.isOver) action();
            return;
          }
          void this.#thawed?.promise.then(() => {
            if (!cancelled && !this.isOver) action();
          });
        });
        return () => {
          cancelled = true;
          cancel();
        };
      },
    };
  }

  #records(shared: MemoryRecords): SharedRecords {
    const around = async <T>(access: () => Promise<T>): Promise<T> => {
      await this.#access();
      const result = await access();
      await this.#access();
      return result;
    };
    return {
      get: (key) => around(() => shared.get(key)),
      compareAndSet: (key, value, revision) => around(() => shared.compareAndSet(key, value, revision)),
      delete: (key) => around(() => shared.delete(key)),
      deleteAt: (key, revision) => around(() => shared.deleteAt(key, revision)),
      keys: () => around(() => shared.keys()),
      changes: (revision) => around((): Promise<readonly RecordChange[]> => shared.changes(revision)),
    };
  }

  #host(clock: Clock): ShardHost {
    return {
      lastEpoch: async (shard) => {
        await this.#access();
        return (await this.#cluster.journal(shard).standing()).epoch;
      },
      prepare: async () => {
        await this.#access();
        if (this.#failsToPrepare) throw new Error('a load that was made to fail');
        if (this.#neverPrepares) await new Promise<never>(() => {});
      },
      start: async (shard, epoch) => {
        const journal = this.#cluster.journal(shard).rival();
        await this.#access();
        if (this.#startsToFail > 0 || this.#failing.has(shard)) {
          this.#startsToFail = Math.max(0, this.#startsToFail - 1);
          throw new Error('a start that was made to fail');
        }
        await journal.own(epoch);
        await this.#access();
        this.running.set(shard, epoch);
        void this.#write(shard, epoch, journal, clock);
      },
      running: () => new Set(this.running.keys()),
      stop: async (shard) => {
        this.running.delete(shard);
        await this.#access();
      },
    };
  }

  /** Appends who it is, again and again, until it is stopped or fenced. */
  async #write(shard: string, epoch: number, journal: MemoryJournal, clock: Clock): Promise<void> {
    while (this.running.get(shard) === epoch && !this.isOver) {
      try {
        await this.#access();
        await journal.append([this.name]);
      } catch (error) {
        if (!(error instanceof JournalFenced)) throw error;
        this.running.delete(shard);
        return;
      }
      await new Promise<void>((resolve) => void clock.schedule(WRITE_EVERY_MS, resolve));
    }
  }
}
