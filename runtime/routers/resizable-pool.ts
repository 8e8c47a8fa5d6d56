// A pool that grows and shrinks within limits. Its supervisor holds the members and the resizer, an actor that looks
// at regular times at how long messages wait and how busy members are, asks the pure core (supervision/pool-size.ts)
// and carries out its answer. A member that is to go gets nothing more and is stopped only once it holds nothing.
//
//   pool (rest_for_one)
//   ├─ members (one_for_one)   worker-0, worker-1, …
//   └─ resizer
import {
  type BackoffOptions,
  leafIntensity,
  PoolSize,
  type PoolSizing,
  type RestartIntensity,
} from '#supervision';
import type { ActorContext, ActorSpec, Behaviour, SupervisorSpec } from '../actor.ts';
import { StartFailed } from '../actor-errors.ts';
import type { SupervisorRef } from '../supervisor-ref.ts';
import { MemberGauge } from './member-gauge.ts';
import { type Member, Members } from './members.ts';
import { loadOf } from './pool.ts';

/** How a pool that changes its size is made. */
export interface ResizablePoolOptions<M> {
  /** Unique among its siblings. */
  readonly id: string;
  readonly sizing: PoolSizing;
  /**
   * Spec of the member with this number, from 0; its id must differ from those of other numbers. Members are
   * permanent, whatever it says. Its mailbox should be small: what is in it stays with this member, while senders
   * who wait go to a new one.
   */
  readonly member: (number: number) => ActorSpec<M>;
  /** Time between two looks at the load, in milliseconds; default 1,000. */
  readonly lookEveryMs?: number;
  /** How long messages wait before they come to the pool, in a queue outside it, in milliseconds; default 0. */
  readonly queueLagMs?: () => number;
  /** Restarts that the members share; default 5 in 30 s. */
  readonly intensity?: RestartIntensity;
  readonly backoff?: BackoffOptions;
  /** Senders that may wait for room at once; default 1,000. */
  readonly maxWaiting?: number;
}

/** A pool for one place in one system. */
export interface ResizablePool<M> {
  /** What goes into the tree. */
  readonly spec: SupervisorSpec;
  /** For routers: `leastLoaded(pool.members)`. None until the pool is up. */
  readonly members: Members<M>;
}

const defaultLookEveryMs = 1_000;

/**
 * A pool that grows and shrinks by queue lag and busy time.
 * @throws InvalidSupervisionOptions for limits that make no sense
 */
export function resizablePool<M>(options: ResizablePoolOptions<M>): ResizablePool<M> {
  const { id, sizing, maxWaiting, intensity = leafIntensity, backoff } = options;
  // Wrong limits show when the pool is made, not at the resizer's first start.
  new PoolSize(sizing);
  const members = new Members<M>([], maxWaiting === undefined ? {} : { maxWaiting });
  const gauges = new Map<string, MemberGauge>();
  const specOf = (number: number): ActorSpec<M> => {
    const spec = options.member(number);
    const gauge = new MemberGauge();
    gauges.set(spec.id, gauge);
    return gauge.measured({ ...spec, restart: 'permanent' });
  };
  const spec: SupervisorSpec = {
    type: 'supervisor',
    id,
    strategy: 'rest_for_one',
    children: [
      {
        type: 'supervisor',
        id: 'members',
        strategy: 'one_for_one',
        intensity,
        ...(backoff && { backoff }),
        children: Array.from({ length: sizing.min }, (_, number) => specOf(number)),
      },
      {
        type: 'actor',
        id: 'resizer',
        start: (context: ActorContext<'look'>) =>
          new Resizer<M>({ ...options, context, members, gauges, specOf }),
      },
    ],
  };
  return { spec, members };
}

interface ResizerOptions<M> extends ResizablePoolOptions<M> {
  readonly context: ActorContext<'look'>;
  readonly members: Members<M>;
  readonly gauges: Map<string, MemberGauge>;
  readonly specOf: (number: number) => ActorSpec<M>;
}

class Resizer<M> implements Behaviour<'look'> {
  readonly #options: ResizerOptions<M>;
  readonly #supervisor: SupervisorRef;
  readonly #size: PoolSize;
  /** Members that get nothing more and are stopped once they hold nothing; the newest last. */
  #leaving: Member<M>[] = [];
  #lookedMs: number;

  constructor(options: ResizerOptions<M>) {
    const { context, sizing } = options;
    this.#options = options;
    this.#supervisor = context.supervisor(context.path.replace(/resizer$/, 'members'));
    this.#size = new PoolSize(sizing);
    this.#lookedMs = context.clock.monotonicMs();
    this.#takeUp();
    this.#lookLater();
  }

  async receive(): Promise<void> {
    const by = this.#size.decide(this.#load());
    if (by !== 0)
      this.#options.context.log.info({ size: this.#options.members.all.length, by }, 'pool resized');
    if (by > 0) await this.#grow(by);
    for (let gone = 0; gone > by; gone -= 1) this.#letGo();
    await this.#stopThoseWhoHoldNothing();
    this.#lookLater();
  }

  /** Whoever is there when the resizer starts is a member; after a restart of all, those of the spec only. */
  #takeUp(): void {
    const { members, context } = this.#options;
    const alive = this.#supervisor.children().filter(({ state }) => state !== 'done');
    const paths = new Set(alive.map(({ path }) => path));
    for (const member of members.all) {
      if (!paths.delete(member.ref.path)) members.remove(member);
    }
    for (const path of paths) members.add(context.ref<M>(path));
  }

  #lookLater(): void {
    const { context, lookEveryMs = defaultLookEveryMs } = this.#options;
    context.after(lookEveryMs, 'look');
  }

  #load() {
    const { members, context, queueLagMs } = this.#options;
    const nowMs = context.clock.monotonicMs();
    const passedMs = Math.max(1, nowMs - this.#lookedMs);
    this.#lookedMs = nowMs;
    let [busyMs, handled] = [0, 0];
    for (const { ref } of members.all) {
      const seen = this.#gaugeOf(ref.path)?.read(nowMs);
      busyMs += seen?.busyMs ?? 0;
      handled += seen?.handled ?? 0;
    }
    const size = members.all.length;
    const places = Math.max(1, size);
    // Where none was finished, each takes at least as long as has been worked on it.
    const eachMs = busyMs / Math.max(1, handled);
    const lagMs = ((members.depth + members.waiting) * eachMs) / places + (queueLagMs?.() ?? 0);
    return { nowMs, size, lagMs, busyShare: Math.min(1, busyMs / passedMs / places) };
  }

  /** First those who have not left yet come back; then new ones start. */
  async #grow(by: number): Promise<void> {
    const { members, specOf, member, context } = this.#options;
    const back = this.#leaving.splice(-by);
    for (const one of back) members.takeBack(one);
    const taken = new Set(this.#supervisor.children().map(({ id }) => id));
    let number = 0;
    for (let grown = back.length; grown < by; grown += 1) {
      while (taken.has(member(number).id)) number += 1;
      try {
        members.add(await this.#supervisor.startChild(specOf(number)));
      } catch (error) {
        if (!(error instanceof StartFailed)) throw error;
        // The pool goes on with those it has; the next look tries again.
        context.log.warn({ err: error }, 'pool could not grow');
        return;
      }
      number += 1;
    }
  }

  /** The least loaded goes, the newest among equals. */
  #letGo(): void {
    const { members } = this.#options;
    const [least] = members.all.toReversed().sort((one, other) => loadOf(one) - loadOf(other));
    if (least === undefined) return;
    members.remove(least);
    this.#leaving.push(least);
  }

  async #stopThoseWhoHoldNothing(): Promise<void> {
    for (const member of this.#leaving.filter((one) => this.#holdsNothing(one))) {
      this.#leaving = this.#leaving.filter((one) => one !== member);
      await this.#supervisor.terminateChild(idOf(member.ref.path));
    }
    for (const { id, state } of this.#supervisor.children()) {
      if (state !== 'done') continue;
      await this.#supervisor.deleteChild(id);
      this.#options.gauges.delete(id);
    }
  }

  #holdsNothing({ ref, underWay }: Member<M>): boolean {
    return ref.depth === 0 && underWay === 0 && this.#gaugeOf(ref.path)?.isBusy !== true;
  }

  #gaugeOf(path: string): MemberGauge | undefined {
    return this.#options.gauges.get(idOf(path));
  }
}

function idOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
