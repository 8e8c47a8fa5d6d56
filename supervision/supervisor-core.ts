// The decisions of one supervisor: events in, actions out, no I/O, no timers, no clock. The runtime makes one
// core for each incarnation of a supervisor and carries out what it answers.
//
//   starting ──all up──▶ running ──window used up──▶ escalating ──all down──▶ over
//      │ a start failed       │ stop
//      ▼                      ▼
//   failing ──all down──▶ over ◀──all down── stopping
//
// A failure begins a recovery: the children that the strategy names stop right to left, the backoff passes,
// and they start left to right, each after the former is up.
import { type BackoffOptions, backoffDelay, checkBackoff } from './backoff.ts';
import { isRestarted } from './restart-type.ts';
import { type RestartIntensity, RestartWindow } from './restart-window.ts';
import { type Strategy, type StrategyRule, strategyRule } from './strategy.ts';
import type {
  ChildState,
  SupervisedChild,
  SupervisorAction,
  SupervisorEvent,
} from './supervisor-protocol.ts';

interface Child {
  readonly spec: SupervisedChild;
  readonly position: number;
  state: ChildState;
  /** Restarts in a row without enough healthy work between them. */
  formerRestarts: number;
  startedMs: number;
}

interface Recovery {
  readonly number: number;
  /** Those still to be brought up, in start order. */
  members: readonly Child[];
  phase: 'stopping' | 'waiting' | 'starting';
  readonly delayMs: number;
}

type Phase =
  | { readonly name: 'new' | 'starting' | 'running' | 'stopping' | 'escalating' | 'over' }
  | { readonly name: 'failing'; readonly child: string };

/** The pure core of one incarnation of a supervisor. */
export class SupervisorCore {
  readonly #children: readonly Child[];
  readonly #byId: ReadonlyMap<string, Child>;
  readonly #affected: StrategyRule;
  readonly #window: RestartWindow;
  readonly #backoff: BackoffOptions;
  #phase: Phase = { name: 'new' };
  #recoveries: Recovery[] = [];
  #recoveriesBegun = 0;
  #actions: SupervisorAction[] = [];

  /**
   * @param options `children` in start order.
   * @throws InvalidSupervisionOptions
   */
  constructor(options: {
    readonly strategy: Strategy;
    readonly intensity: RestartIntensity;
    readonly backoff: BackoffOptions;
    readonly children: readonly SupervisedChild[];
  }) {
    this.#affected = strategyRule(options.strategy);
    this.#window = new RestartWindow(options.intensity);
    this.#backoff = checkBackoff(options.backoff);
    this.#children = options.children.map((spec, position) => ({
      spec,
      position,
      state: 'idle',
      formerRestarts: 0,
      startedMs: 0,
    }));
    this.#byId = new Map(this.#children.map((child) => [child.spec.id, child]));
  }

  /** Takes in one event and answers what is to be done; events that came too late to matter are ignored. */
  handle(event: SupervisorEvent): readonly SupervisorAction[] {
    this.#actions = [];
    switch (event.type) {
      case 'start':
        this.#begin();
        break;
      case 'started':
        this.#childStarted(this.#child(event.child), event.nowMs);
        break;
      case 'exited':
        this.#childExited(this.#child(event.child), event);
        break;
      case 'stopped':
        this.#childStopped(this.#child(event.child));
        break;
      case 'due':
        this.#recoveryDue(event.recovery);
        break;
      case 'stop':
        this.#stop();
        break;
    }
    return this.#actions;
  }

  /** State of a child. */
  childState(id: string): ChildState {
    return this.#child(id).state;
  }

  #child(id: string): Child {
    const child = this.#byId.get(id);
    if (child === undefined) throw new RangeError(`no child ${id} under this supervisor`);
    return child;
  }

  #begin(): void {
    if (this.#phase.name !== 'new') return;
    this.#phase = { name: 'starting' };
    this.#recover(this.#children, 0, 'starting');
  }

  #childStarted(child: Child, nowMs: number): void {
    // A stop may have overtaken the start; then only its end counts.
    if (child.state !== 'starting') return;
    child.state = 'running';
    child.startedMs = nowMs;
    this.#advance();
  }

  #childStopped(child: Child): void {
    if (child.state !== 'stopping') return;
    this.#stoppedInRecovery(child);
    this.#advance();
  }

  /** A temporary child that its siblings' restart took down stays down; all others come up again. */
  #stoppedInRecovery(child: Child): void {
    child.state = 'idle';
    const recovers = this.#phase.name === 'starting' || this.#phase.name === 'running';
    if (!recovers || child.spec.restart !== 'temporary') return;
    this.#retire(child);
    for (const recovery of this.#recoveries) {
      recovery.members = recovery.members.filter((member) => member !== child);
    }
  }

  #childExited(child: Child, event: { abnormal: boolean; nowMs: number; draw: number }): void {
    const former = child.state;
    if (former === 'stopping') {
      this.#childStopped(child);
      return;
    }
    if (former !== 'starting' && former !== 'running') return;
    child.state = 'idle';
    if (former === 'starting' && this.#phase.name === 'starting') {
      this.#windDown({ name: 'failing', child: child.spec.id });
    } else if (this.#phase.name === 'starting' || this.#phase.name === 'running') {
      if (isRestarted(child.spec.restart, event.abnormal)) this.#restart(child, former, event);
      else this.#retire(child);
    }
    this.#advance();
  }

  #restart(child: Child, former: 'starting' | 'running', event: { nowMs: number; draw: number }): void {
    if (!this.#window.admit(event.nowMs)) {
      this.#actions.push({ type: 'escalate', child: child.spec.id });
      this.#windDown({ name: 'escalating' });
      return;
    }
    const healthy = former === 'running' && event.nowMs - child.startedMs >= this.#backoff.resetAfterMs;
    if (healthy) child.formerRestarts = 0;
    const delayMs = backoffDelay(this.#backoff, child.formerRestarts, event.draw);
    child.formerRestarts += 1;
    const members = this.#takeOver(this.#affected(child.position, this.#children.length));
    this.#actions.push({ type: 'recover', child: child.spec.id, children: ids(members), delayMs });
    this.#recover(members, delayMs, 'stopping');
  }

  /** The children of a new recovery: those affected, and whatever the recoveries that it replaces had still to do. */
  #takeOver(affected: readonly number[]): readonly Child[] {
    const taken = new Set(affected);
    for (const recovery of this.#recoveries) {
      if (!recovery.members.some((member) => taken.has(member.position))) continue;
      this.#drop(recovery);
      for (const member of recovery.members) taken.add(member.position);
    }
    return this.#children.filter(({ position, state }) => taken.has(position) && state !== 'done');
  }

  #recover(members: readonly Child[], delayMs: number, phase: 'stopping' | 'starting'): void {
    this.#recoveriesBegun += 1;
    this.#recoveries.push({ number: this.#recoveriesBegun, members, phase, delayMs });
    this.#advance();
  }

  #drop(recovery: Recovery): void {
    if (recovery.phase === 'waiting') this.#actions.push({ type: 'cancel', recovery: recovery.number });
    this.#recoveries = this.#recoveries.filter((other) => other !== recovery);
  }

  #recoveryDue(number: number): void {
    const recovery = this.#recoveries.find((candidate) => candidate.number === number);
    if (recovery?.phase !== 'waiting') return;
    recovery.phase = 'starting';
    this.#advance();
  }

  #stop(): void {
    if (this.#phase.name === 'over' || this.#phase.name === 'stopping') return;
    this.#windDown({ name: 'stopping' });
    this.#advance();
  }

  #windDown(phase: Phase): void {
    for (const recovery of this.#recoveries) this.#drop(recovery);
    this.#phase = phase;
  }

  #retire(child: Child): void {
    child.state = 'done';
    this.#actions.push({ type: 'retire', child: child.spec.id });
  }

  /** Takes every step that is possible now. */
  #advance(): void {
    switch (this.#phase.name) {
      case 'starting':
      case 'running':
        for (const recovery of this.#recoveries) this.#advanceRecovery(recovery);
        if (this.#phase.name === 'starting' && this.#recoveries.length === 0) {
          this.#phase = { name: 'running' };
          this.#actions.push({ type: 'up' });
        }
        break;
      case 'stopping':
      case 'escalating':
      case 'failing':
        if (this.#stopRightmost(this.#children)) this.#end(this.#phase);
        break;
      case 'new':
      case 'over':
        break;
    }
  }

  #end(phase: Phase): void {
    this.#phase = { name: 'over' };
    if (phase.name === 'failing') this.#actions.push({ type: 'start_failed', child: phase.child });
    else this.#actions.push({ type: phase.name === 'escalating' ? 'escalated' : 'down' });
  }

  #advanceRecovery(recovery: Recovery): void {
    if (recovery.phase === 'stopping' && this.#stopRightmost(recovery.members)) {
      if (recovery.delayMs > 0) {
        recovery.phase = 'waiting';
        const { number, delayMs, members } = recovery;
        this.#actions.push({ type: 'schedule', recovery: number, delayMs, children: ids(members) });
      } else {
        recovery.phase = 'starting';
      }
    }
    if (recovery.phase === 'starting') this.#startLeftmost(recovery);
  }

  /** Stops one child at a time, right to left; true when none of them is alive any more. */
  #stopRightmost(children: readonly Child[]): boolean {
    if (children.some((child) => child.state === 'stopping')) return false;
    const next = children.findLast((child) => child.state === 'running' || child.state === 'starting');
    if (next === undefined) return true;
    next.state = 'stopping';
    this.#actions.push({ type: 'stop', child: next.spec.id });
    return false;
  }

  #startLeftmost(recovery: Recovery): void {
    // A child that is up has left the recovery: if it fails again, that is a recovery of its own.
    recovery.members = recovery.members.filter(({ state }) => state === 'idle' || state === 'starting');
    const next = recovery.members[0];
    if (next === undefined) {
      this.#recoveries = this.#recoveries.filter((other) => other !== recovery);
    } else if (next.state === 'idle') {
      next.state = 'starting';
      this.#actions.push({ type: 'start', child: next.spec.id });
    }
  }
}

function ids(children: readonly Child[]): readonly string[] {
  return children.map((child) => child.spec.id);
}
