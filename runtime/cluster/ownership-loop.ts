// Carries out what this node owes its shards, again and again: it stops what is no longer its own, lets go of what is
// moving away, loads what is coming, and takes what the plan gives it. The order of taking is the record first, then
// the journal, then answers: from the record on nobody else takes the shard, from the journal on no former owner writes.
// A shard that fails to start or to load is tried again with backoff, while the others go on.
import { type Duty, defaultBackoff, dutiesOf, type ShardRecord } from '#supervision';
import { toError } from '../actor-errors.ts';
import { type FaultPoints, noFaults } from '../fault-points.ts';
import type { Clock, Logger, RandomSource, SharedRecords } from '../ports.ts';
import { changeShard } from './change-shard.ts';
import type { ClusterHappening, HandOffPhase } from './cluster-event.ts';
import type { ClusterView } from './cluster-view.ts';
import type { ShardHost } from './shard-host.ts';
import { type FailingShard, ShardRetries } from './shard-retries.ts';

/** What a loop is made from. */
export interface OwnershipLoopOptions {
  readonly node: string;
  readonly view: ClusterView;
  readonly records: SharedRecords;
  readonly host: ShardHost;
  /** Keys of all shards that are to be owned by someone. */
  readonly shards: () => readonly string[];
  /** Whether the node's lease allows it to act. Only a test of the fence says otherwise than the lease. */
  readonly mayAct: () => boolean;
  readonly clock: Clock;
  /** For the jitter of retries. */
  readonly random: RandomSource;
  readonly log: Logger;
  readonly emit: (happening: ClusterHappening) => void;
  /** Reaches `take.recorded`, between the record and the journal, and `release.stopped`. */
  readonly faults?: FaultPoints;
}

/** Shards that are worked on at the same time. */
const AT_ONCE = 16;

/** The loop of one node; whoever owns it calls `step`, one at a time. */
export class OwnershipLoop {
  readonly #options: OwnershipLoopOptions;
  readonly #faults: FaultPoints;
  /** Shards that run here, by the epoch under which they were taken. */
  readonly #hosted = new Map<string, number>();
  /** Shards that are being worked on, so that a long replay keeps no other shard waiting. */
  readonly #working = new Map<string, Promise<void>>();
  /** Shards that are being loaded before they come; whatever else is due for one does not wait for that. */
  readonly #preparing = new Map<string, Promise<void>>();
  /** Of the steps that run what a shard holds, and so can fail again and again. */
  readonly #retries: { readonly take: ShardRetries; readonly prepare: ShardRetries };

  constructor(options: OwnershipLoopOptions) {
    const { clock, random } = options;
    const retries = () => new ShardRetries({ backoff: defaultBackoff, clock, random });
    this.#options = options;
    this.#retries = { take: retries(), prepare: retries() };
    this.#faults = options.faults ?? noFaults;
  }

  /** Shards that run here, by epoch. */
  get hosted(): ReadonlyMap<string, number> {
    return this.#hosted;
  }

  /** Shards that could not be started or loaded here and wait to be tried again. */
  get failing(): readonly FailingShard[] {
    return Object.values(this.#retries).flatMap((retries) => retries.failing());
  }

  /**
   * Begins what is due by the view as it is, and is not under way already. What fails is told and is due again in
   * a later step, after the view was refreshed and, for a shard that could not be started, after its backoff.
   */
  step(): void {
    if (!this.#options.mayAct()) return;
    this.#dropEnded();
    const duties = this.#duties();
    const due = (type: Duty['type']) => duties.flatMap((duty) => (duty.type === type ? [duty.shard] : []));
    this.#retries.take.keepOnly(new Set([...due('take'), ...this.#hosted.keys(), ...this.#working.keys()]));
    this.#retries.prepare.keepOnly(new Set(due('prepare')));
    for (const duty of duties) {
      if (!this.#mayTry(duty)) continue;
      const { shard } = duty;
      const work = duty.type === 'prepare' ? this.#preparing : this.#working;
      if (work.has(shard) || work.size >= AT_ONCE) continue;
      const attempt = this.#attempt(duty).finally(() => work.delete(shard));
      work.set(shard, attempt);
    }
  }

  /** Resolves when no shard is being taken, stopped or let go of. */
  async settled(): Promise<void> {
    while (this.#working.size > 0) await Promise.all(this.#working.values());
  }

  /** Stops every shard here without letting go of the records; for the end of the node. */
  async stopAll(): Promise<void> {
    await this.settled();
    await Promise.all([...this.#hosted.keys()].map((shard) => this.#stop(shard)));
  }

  /** Whether a shard is to be taken, stopped or let go of here, or is just being so. */
  get isDue(): boolean {
    return (
      this.#working.size > 0 || this.#duties().some((duty) => duty.type !== 'prepare' && this.#mayTry(duty))
    );
  }

  /** Milliseconds until the next shard that failed may be tried again; infinite when there is none. */
  get retryMs(): number {
    return Math.min(...this.failing.map(({ retryMs }) => retryMs));
  }

  /** Whether a hand-off concerns this node, so that its next look should not wait. */
  get isBusy(): boolean {
    if (this.isDue) return true;
    const { view, node, shards } = this.#options;
    return shards().some((shard) => {
      const { record } = view.shard(shard);
      if (record === undefined || record.phase === 'active') return false;
      return record.target === node || (record.phase === 'moving' && record.owner === node);
    });
  }

  /** A shard that ended here by itself, with its supervisor, is taken anew. */
  #dropEnded(): void {
    const { node, host, emit } = this.#options;
    const running = host.running();
    for (const [shard, epoch] of this.#hosted) {
      if (running.has(shard) || this.#working.has(shard)) continue;
      this.#hosted.delete(shard);
      emit({ type: 'handoff', shard, phase: 'stopped', epoch, node });
      this.#fail({ type: 'take', shard }, new Error('it ended by itself on this node'));
    }
  }

  #mayTry({ type, shard }: Pick<Duty, 'type' | 'shard'>): boolean {
    return type === 'take' || type === 'prepare' ? this.#retries[type].mayTry(shard) : true;
  }

  #duties(): readonly Duty[] {
    const { node, view, shards } = this.#options;
    const recorded = view.recorded(shards());
    return dutiesOf({ node, hosted: this.#hosted, shards: recorded, members: view.members() });
  }

  async #attempt(duty: Duty): Promise<void> {
    try {
      await this.#do(duty);
      if (duty.type === 'prepare') this.#retries.prepare.succeeded(duty.shard);
    } catch (thrown) {
      this.#fail(duty, toError(thrown));
    }
  }

  #fail({ type, shard }: Pick<Duty, 'type' | 'shard'>, error: Error): void {
    const { log, node, view, emit } = this.#options;
    if (type !== 'take' && type !== 'prepare') {
      log.warn({ shard, duty: type, err: error }, 'hand-off step failed');
      return;
    }
    const retryMs = this.#retries[type].failed(shard, error);
    log.warn({ shard, duty: type, retryMs, err: error }, 'hand-off step failed');
    const epoch = view.shard(shard).record?.epoch ?? 0;
    emit({ type: 'handoff', shard, phase: 'failed', epoch, node, retryMs, error });
  }

  #do(duty: Duty): Promise<void> {
    switch (duty.type) {
      case 'stop':
        return this.#stop(duty.shard);
      case 'take':
        return this.#take(duty.shard, duty.ownerGone);
      case 'prepare':
        return this.#prepare(duty.shard);
      case 'release':
        return this.#release(duty.shard, duty.epoch);
      case 'withdraw':
        return this.#withdraw(duty.shard);
    }
  }

  async #take(shard: string, ownerGone: boolean): Promise<void> {
    const { node, host } = this.#options;
    const journalEpoch = await host.lastEpoch(shard);
    const record = await changeShard(this.#options, shard, { type: 'take', node, ownerGone, journalEpoch });
    if (record === undefined) return;
    const { epoch } = record;
    this.#tell(shard, 'taken', record);
    this.#faults.reach('take.recorded');
    this.#hosted.set(shard, epoch);
    try {
      await host.start(shard, epoch);
    } catch (thrown) {
      this.#hosted.delete(shard);
      throw thrown;
    }
    this.#retries.take.succeeded(shard);
    this.#tell(shard, 'answering', record);
  }

  async #prepare(shard: string): Promise<void> {
    const { node, host } = this.#options;
    await host.prepare(shard);
    const record = await changeShard(this.#options, shard, { type: 'prepare', target: node });
    if (record !== undefined) this.#tell(shard, 'prepared', record);
  }

  /** Nobody answers between the two steps; a crash between them leaves a release that is still due. */
  async #release(shard: string, epoch: number): Promise<void> {
    await this.#stop(shard);
    this.#faults.reach('release.stopped');
    const record = await changeShard(this.#options, shard, {
      type: 'release',
      owner: this.#options.node,
      epoch,
    });
    if (record !== undefined) this.#tell(shard, 'released', record);
  }

  async #withdraw(shard: string): Promise<void> {
    const record = await changeShard(this.#options, shard, { type: 'withdraw' });
    if (record !== undefined) this.#tell(shard, 'withdrawn', record);
  }

  async #stop(shard: string): Promise<void> {
    const { node, host, emit } = this.#options;
    const epoch = this.#hosted.get(shard);
    if (epoch === undefined) return;
    await host.stop(shard);
    this.#hosted.delete(shard);
    emit({ type: 'handoff', shard, phase: 'stopped', epoch, node });
  }

  #tell(shard: string, phase: HandOffPhase, record: ShardRecord): void {
    const { node, emit } = this.#options;
    const target = record.phase === 'active' ? {} : { target: record.target };
    emit({ type: 'handoff', shard, phase, epoch: record.epoch, node, ...target });
  }
}
