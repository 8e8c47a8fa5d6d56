// The decisions of one supervisor: events in, actions out, no I/O, no timers, no clock. The runtime makes one
// core for each incarnation of a supervisor and carries out what it answers.
//
//   starting ──all up──▶ running ──window used up──▶ escalating ────all down──▶ over
//      │ a start failed     ├── stop ──────────────▶ stopping ──────all down──▶ over
//      ▼                    └── significant ended ─▶ auto_shutdown ─all down──▶ over
//   failing ──all down──▶ over
//
// The rules are those of OTP's supervisor. What concerns common children is done one after the other, and what
// comes meanwhile waits for its turn; under one_for_one the restarts of different children go side by side.
import { ActionList } from './action-list.ts';
import { type AutoShutdown, checkSignificant, endsSupervisor } from './auto-shutdown.ts';
import { type BackoffOptions, backoffDelay, checkBackoff } from './backoff.ts';
import { type ChildEntry, ChildList } from './child-list.ts';
import type { Operation } from './operation.ts';
import { Operations } from './operations.ts';
import { isRestarted } from './restart-type.ts';
import { type RestartIntensity, RestartWindow } from './restart-window.ts';
import { type Strategy, type StrategyRule, strategyRule } from './strategy.ts';
import type {
  ChildExited,
  ChildState,
  ListedChild,
  SupervisedChild,
  SupervisorAction,
  SupervisorEvent,
  SupervisorRequest,
} from './supervisor-protocol.ts';

type Phase =
  | { readonly name: 'new' | 'starting' | 'running' | 'over' }
  | { readonly name: 'stopping' | 'escalating' | 'auto_shutdown' }
  | { readonly name: 'failing'; readonly child: string };

/** A start that failed during a recovery; it is tried again, after what came before it. */
interface Again {
  readonly type: 'again';
  readonly child: ChildEntry;
  readonly exit: ChildExited;
  /** Those who were to come up after it. */
  readonly later: readonly ChildEntry[];
}

/** What may have to wait until an operation is over. */
type Deferred =
  | { readonly type: 'exit'; readonly child: ChildEntry; readonly exit: ChildExited }
  | Again
  | { readonly type: 'due'; readonly recovery: number }
  | SupervisorRequest;

/** What a core is made from. */
export interface SupervisorOptions {
  readonly strategy: Strategy;
  readonly intensity: RestartIntensity;
  readonly backoff: BackoffOptions;
  /** Default `never`. */
  readonly autoShutdown?: AutoShutdown;
  /** In start order. */
  readonly children: readonly SupervisedChild[];
}

/** The pure core of one incarnation of a supervisor. */
export class SupervisorCore {
  readonly #actions = new ActionList();
  readonly #children = new ChildList(this.#actions);
  readonly #operations = new Operations(this.#children, this.#actions, {
    isDown: (child, operation) => this.#forget(child, operation),
    done: (operation) => this.#done(operation),
  });
  readonly #affected: StrategyRule;
  /** Operations on different children do not concern each other. */
  readonly #sideBySide: boolean;
  readonly #window: RestartWindow;
  readonly #backoff: BackoffOptions;
  readonly #autoShutdown: AutoShutdown;
  #phase: Phase = { name: 'new' };
  #deferred: Deferred[] = [];
  /** While the children are taken down: those that may still be alive, in start order. */
  #toStop: ChildEntry[] = [];

  /** @throws InvalidSupervisionOptions */
  constructor(options: SupervisorOptions) {
    this.#affected = strategyRule(options.strategy);
    this.#sideBySide = options.strategy === 'one_for_one';
    this.#window = new RestartWindow(options.intensity);
    this.#backoff = checkBackoff(options.backoff);
    this.#autoShutdown = options.autoShutdown ?? 'never';
    for (const child of options.children) {
      checkSignificant(this.#autoShutdown, child);
      this.#children.add(child);
    }
  }

  /** Takes in one event and answers what is to be done; events that came too late to matter are ignored. */
  handle(event: SupervisorEvent): readonly SupervisorAction[] {
    switch (event.type) {
      case 'start':
        this.#begin();
        break;
      case 'started':
        this.#childStarted(event.child, event.nowMs);
        break;
      case 'exited':
        this.#childExited(event);
        break;
      case 'stopped':
        this.#childStopped(event.child);
        break;
      case 'stop':
        if (this.#phase.name !== 'over') this.#windDown({ name: 'stopping' });
        break;
      default:
        this.#deferred.push(event);
        break;
    }
    this.#takeDeferred();
    return this.#actions.take();
  }

  /** State of a child; undefined when it is not in the list. */
  childState(id: string): ChildState | undefined {
    return this.#children.find(id)?.state;
  }

  /** All children, in start order. */
  children(): readonly ListedChild[] {
    return [...this.#children];
  }

  /** Restarts in the window that ends at `nowMs`. */
  restartsInWindow(nowMs: number): number {
    return this.#window.count(nowMs);
  }

  #begin(): void {
    if (this.#phase.name !== 'new') return;
    this.#phase = { name: 'starting' };
    this.#operations.begin({ kind: 'initial', members: [...this.#children] });
  }

  #childStarted(id: string, nowMs: number): void {
    const child = this.#children.find(id);
    // A stop may have overtaken the start; then only its end counts.
    if (child?.state !== 'starting') return;
    this.#children.setState(child, 'running');
    child.startedMs = nowMs;
    const { operation } = child;
    child.operation = undefined;
    if (operation !== undefined) this.#operations.advance(operation);
  }

  #childStopped(id: string): void {
    const child = this.#children.find(id);
    if (child?.state !== 'stopping') return;
    this.#children.setState(child, 'idle');
    if (child.operation === undefined) this.#advanceEnd();
    else this.#operations.advance(child.operation);
  }

  #childExited(exit: ChildExited): void {
    const child = this.#children.find(exit.child);
    if (child?.state === 'stopping') {
      this.#childStopped(exit.child);
    } else if (child?.isAlive) {
      const { operation, state } = child;
      this.#children.setState(child, 'idle');
      if (this.#isEnding) this.#advanceEnd();
      else if (state === 'starting' && operation !== undefined) this.#startFailed(operation, child, exit);
      else this.#deferred.push({ type: 'exit', child, exit });
    }
  }

  #startFailed(operation: Operation, child: ChildEntry, exit: ChildExited): void {
    switch (operation.kind) {
      case 'initial':
        this.#windDown({ name: 'failing', child: child.id });
        break;
      case 'add':
        this.#operations.finish(operation, 'start_failed');
        this.#children.remove(child);
        break;
      case 'restart':
        this.#operations.finish(operation, 'start_failed');
        this.#children.retire(child);
        break;
      default:
        this.#recoveryFailed(operation, child, exit);
        break;
    }
  }

  /** Those who were to come up after it are down until the start is tried again; as in OTP, they do not count. */
  #recoveryFailed(operation: Operation, child: ChildEntry, exit: ChildExited): void {
    this.#operations.finish(operation, 'ok');
    const later = operation.members.filter((member) => member !== child && !member.isAlive);
    for (const member of later) this.#children.setState(member, 'done');
    this.#deferred.push({ type: 'again', child, exit, later });
  }

  #done(operation: Operation): void {
    if (operation.kind !== 'initial') return;
    this.#phase = { name: 'running' };
    this.#actions.add({ type: 'up' });
  }

  get #isEnding(): boolean {
    return this.#phase.name !== 'starting' && this.#phase.name !== 'running';
  }

  /**
   * Whoever is taken down is not restarted for an end that came before; and a recovery starts the child anyway,
   * so that a start that failed before needs no other one.
   */
  #forget(child: ChildEntry, { kind }: Operation): void {
    this.#deferred = this.#deferred.filter((event) => {
      const isVoid = event.type === 'exit' || (event.type === 'again' && kind === 'recovery');
      return !isVoid || event.child !== child;
    });
  }

  /** Takes whatever waits for its turn, as long as nothing is in hand that it might concern. */
  #takeDeferred(): void {
    while (this.#deferred.length > 0) {
      const next = this.#deferred.findIndex((event) => this.#mayTake(event));
      const [event] = next === -1 ? [] : this.#deferred.splice(next, 1);
      if (event === undefined) return;
      this.#take(event);
    }
  }

  #mayTake(event: Deferred): boolean {
    if (this.#isEnding) return true;
    if (!this.#sideBySide) return !this.#operations.anyActive;
    if (this.#phase.name === 'running') return true;
    // Those that are up are restarted while others still start; all else waits until they all have been up.
    return event.type === 'again' || event.type === 'due' || (event.type === 'exit' && isFailure(event));
  }

  #take(event: Deferred): void {
    switch (event.type) {
      case 'exit':
        if (this.#isEnding) break;
        if (isFailure(event)) this.#restart(event.child, event.exit, true);
        else this.#leave(event.child);
        break;
      case 'again':
        if (!this.#isEnding) this.#tryAgain(event);
        break;
      case 'due':
        this.#resume(event.recovery);
        break;
      default:
        if (this.#isEnding) this.#actions.reply(event.request, 'supervisor_stops');
        else this.#takeRequest(event);
        break;
    }
  }

  #takeRequest(event: SupervisorRequest): void {
    const { request } = event;
    if (event.type === 'start_child') {
      this.#startChild(event.child, request);
      return;
    }
    const child = this.#children.find(event.child);
    if (child === undefined) {
      this.#actions.reply(request, 'not_found');
    } else if (event.type === 'terminate_child') {
      this.#terminate(child, request);
    } else if (child.state !== 'done') {
      this.#actions.reply(request, child.state === 'idle' ? 'restarting' : 'running');
    } else if (event.type === 'restart_child') {
      this.#operations.begin({ kind: 'restart', members: [child], request });
    } else {
      this.#children.remove(child);
      this.#actions.reply(request, 'ok');
    }
  }

  #startChild(child: SupervisedChild, request: number): void {
    const present = this.#children.find(child.id);
    if (present !== undefined) {
      const outcome = present.isAlive || present.state === 'stopping' ? 'already_started' : 'already_present';
      this.#actions.reply(request, outcome);
      return;
    }
    checkSignificant(this.#autoShutdown, child);
    const entry = this.#children.add(child);
    this.#actions.add({ type: 'add', child: child.id, request });
    this.#operations.begin({ kind: 'add', members: [entry], request });
  }

  #terminate(child: ChildEntry, request: number): void {
    const { operation } = child;
    if (operation?.kind === 'terminate') {
      operation.requests.push(request);
      return;
    }
    if (operation?.phase === 'waiting' && operation.members.length > 1) {
      // Its siblings come up without it.
      operation.leave(child);
    } else if (operation !== undefined) {
      this.#operations.finish(operation, 'terminated');
    }
    this.#operations.begin({ kind: 'terminate', members: [child], request });
  }

  /** The child has ended and is not restarted. */
  #leave(child: ChildEntry): void {
    this.#children.putDown(child);
    if (child.significant && endsSupervisor(this.#autoShutdown, this.#children.significantLeft)) {
      this.#actions.add({ type: 'auto_shutdown', child: child.id });
      this.#windDown({ name: 'auto_shutdown' });
    }
  }

  #restart(child: ChildEntry, { nowMs, draw }: ChildExited, wasUp: boolean): void {
    if (!this.#window.admit(nowMs)) {
      this.#actions.add({ type: 'escalate', child: child.id });
      this.#windDown({ name: 'escalating' });
      return;
    }
    if (wasUp && nowMs - child.startedMs >= this.#backoff.resetAfterMs) child.formerRestarts = 0;
    const delayMs = backoffDelay(this.#backoff, child.formerRestarts, draw);
    child.formerRestarts += 1;
    const members = this.#affected(child, this.#children);
    // A recovery that waits and is touched by this one has no member that this one has not.
    for (const { operation } of members) {
      if (operation?.phase === 'waiting') this.#operations.finish(operation, 'ok');
    }
    for (const member of members) if (member.state === 'done') this.#children.setState(member, 'idle');
    const children = members.map(({ id }) => id);
    this.#actions.add({ type: 'recover', child: child.id, children, delayMs });
    this.#operations.begin({ kind: 'recovery', members, delayMs });
  }

  #tryAgain({ child, exit, later }: Again): void {
    if (child.state === 'idle') {
      this.#restart(child, exit, false);
      return;
    }
    // It was terminated meanwhile: as in OTP, those after it stay down, too.
    for (const member of later) {
      if (this.#children.find(member.id) === member && member.state === 'done') {
        this.#actions.add({ type: 'retire', child: member.id });
      }
    }
  }

  #resume(recovery: number): void {
    const operation = this.#operations.waiting(recovery);
    const first = operation?.members[0];
    if (operation === undefined || first === undefined) return;
    // Children that were started by request meanwhile stop first, where they come after.
    const affected = this.#affected(first, this.#children);
    const members = affected.filter((child) => child.isAlive || child.operation === operation);
    this.#operations.resume(operation, members);
  }

  #windDown(phase: Phase): void {
    this.#phase = phase;
    this.#operations.finishAll('supervisor_stops');
    this.#toStop = [...this.#children];
    this.#advanceEnd();
  }

  /** Stops one child at a time, right to left; after the last one the end is told. */
  #advanceEnd(): void {
    const { name } = this.#phase;
    if (name === 'new' || name === 'over') return;
    for (let child = this.#toStop.at(-1); child !== undefined; child = this.#toStop.at(-1)) {
      if (child.isAlive) this.#children.stop(child);
      if (child.state === 'stopping') return;
      this.#toStop.pop();
    }
    this.#actions.add(endOf(this.#phase));
    this.#phase = { name: 'over' };
  }
}

/** Whether the end of this child is one after which it is started again. */
function isFailure({ child, exit }: { readonly child: ChildEntry; readonly exit: ChildExited }): boolean {
  return isRestarted(child.restart, exit.abnormal);
}

function endOf(phase: Phase): SupervisorAction {
  switch (phase.name) {
    case 'failing':
      return { type: 'start_failed', child: phase.child };
    case 'escalating':
      return { type: 'escalated' };
    case 'auto_shutdown':
      return { type: 'ended' };
    default:
      return { type: 'down' };
  }
}
