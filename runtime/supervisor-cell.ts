// A supervisor's place in the tree. All decisions are the pure core's (supervision/); this turns what happens
// to the children into its events, carries its actions out with real timers, and keeps what people want to
// see of each child.
import {
  checkSignificant,
  defaultIntensity,
  type RequestOutcome,
  type RestartIntensity,
  type SupervisorAction,
  type SupervisorCore,
  type SupervisorEvent,
} from '#supervision';
import type { ChildSpec, StopReason, SupervisorSpec } from './actor.ts';
import { RestartIntensityExceeded, StartFailed } from './actor-errors.ts';
import type { ActorSnapshot, Child, Exit, Parent, SupervisionSnapshot, Surroundings } from './child.ts';
import { checkSpec, newCore, supervised } from './spec-check.ts';
import { type ChildInfo, ChildRefused, type DynamicSupervisor } from './supervisor-ref.ts';

interface Place {
  readonly child: Child;
  starts: number;
  failure: { readonly error: Error; readonly atMs: number } | undefined;
  /** Monotonic time of the next start, while it waits for one. */
  retryAtMs: number | undefined;
}

/** A request that the core has not answered yet. */
interface Pending {
  readonly id: string;
  /** Of a start. */
  readonly spec: ChildSpec | undefined;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Makes the place of a child; passed in because actors and supervisors build each other. */
export type BuildPlace = (spec: ChildSpec, parent: Parent) => Child;

/** Runs one supervisor through all its incarnations. */
export class SupervisorCell implements Child, Parent, DynamicSupervisor {
  readonly id: string;
  readonly path: string;
  readonly type = 'supervisor';
  readonly depth = 0;
  readonly isPassive = false;
  readonly #spec: SupervisorSpec;
  readonly #parent: Parent;
  readonly #surroundings: Surroundings;
  readonly #build: BuildPlace;
  /** Those of the spec outlive the incarnations, unless they were taken off; those by request do not. */
  #places: Map<string, Place>;
  readonly #timers = new Map<number, { readonly cancel: () => void; readonly children: readonly string[] }>();
  readonly #pending = new Map<number, Pending>();
  /** Events that came while actions were being carried out. */
  readonly #events: SupervisorEvent[] = [];
  #handling = false;
  #core: SupervisorCore | undefined;
  #incarnations = 0;
  #requests = 0;
  #stopReason: StopReason = 'shutdown';
  #forGood = false;
  /** Set once its time to stop has passed: children are given up, not waited for. */
  #abandonedAfterMs: number | undefined;
  #cancelTimeout: (() => void) | undefined;
  /** Why this incarnation fails, once it has used up its restarts. */
  #escalation: RestartIntensityExceeded | undefined;

  /** @param options `spec` has been checked by `checkSpec`. */
  constructor(options: {
    readonly path: string;
    readonly spec: SupervisorSpec;
    readonly parent: Parent;
    readonly surroundings: Surroundings;
    readonly build: BuildPlace;
  }) {
    this.id = options.spec.id;
    this.path = options.path;
    this.#spec = options.spec;
    this.#parent = options.parent;
    this.#surroundings = options.surroundings;
    this.#build = options.build;
    this.#places = new Map(this.#spec.children.map((spec) => [spec.id, newPlace(this.#build(spec, this))]));
    this.#surroundings.supervisors.set(this.path, this);
  }

  start(): void {
    if (this.#core !== undefined) return;
    this.#incarnations += 1;
    this.#stopReason = 'shutdown';
    this.#escalation = undefined;
    this.#abandonedAfterMs = undefined;
    this.#restorePlaces();
    this.#core = newCore(this.#spec);
    this.#handle({ type: 'start' });
  }

  stop(reason: StopReason, forGood: boolean): void {
    const { shutdownMs } = this.#spec;
    this.#stopReason = reason;
    this.#forGood = forGood;
    if (forGood) {
      for (const { child } of this.#places.values()) {
        if (this.#core?.childState(child.id) === 'idle') child.retire();
      }
    }
    if (shutdownMs !== undefined && this.#core !== undefined) {
      this.#cancelTimeout ??= this.#surroundings.clock.schedule(shutdownMs, () => {
        this.#surroundings.emit({ type: 'abandoned', path: this.path, afterMs: shutdownMs });
        this.abandon(shutdownMs);
      });
    }
    this.#handle({ type: 'stop' });
  }

  abandon(afterMs: number): void {
    this.#abandonedAfterMs = afterMs;
    for (const { child } of [...this.#places.values()]) {
      if (this.#core?.childState(child.id) === 'stopping') child.abandon(afterMs);
    }
  }

  retire(): void {
    for (const { child } of this.#places.values()) child.retire();
  }

  remove(): void {
    for (const { child } of this.#places.values()) child.remove();
    this.#surroundings.supervisors.delete(this.path);
  }

  startChild(spec: ChildSpec): Promise<void> {
    try {
      checkSpec(this.path, spec);
      checkSignificant(this.#spec.autoShutdown ?? 'never', supervised(spec));
    } catch (error) {
      return Promise.reject(error);
    }
    const child = supervised(spec);
    return this.#request(spec.id, spec, (request) => ({ type: 'start_child', child, request }));
  }

  terminateChild(child: string): Promise<void> {
    return this.#request(child, undefined, (request) => ({ type: 'terminate_child', child, request }));
  }

  restartChild(child: string): Promise<void> {
    return this.#request(child, undefined, (request) => ({ type: 'restart_child', child, request }));
  }

  deleteChild(child: string): Promise<void> {
    return this.#request(child, undefined, (request) => ({ type: 'delete_child', child, request }));
  }

  listChildren(): readonly ChildInfo[] {
    return (this.#core?.children() ?? []).map(({ id, restart, significant = false, state }) => {
      const { path, type } = this.#place(id).child;
      return { id, path, type, restart, significant, state };
    });
  }

  childStarted(id: string): void {
    const place = this.#place(id);
    place.starts += 1;
    if (place.starts > 1) {
      this.#surroundings.emit({ type: 'restarted', path: place.child.path, restarts: place.starts - 1 });
    }
    this.#handle({ type: 'started', child: id, nowMs: this.#surroundings.clock.monotonicMs() });
  }

  childExited(id: string, exit: Exit): void {
    const { clock, random } = this.#surroundings;
    const place = this.#place(id);
    const abnormal = exit.kind === 'crash';
    if (exit.kind === 'crash') place.failure = { error: exit.error, atMs: clock.wallMs() };
    if (this.#forGood) place.child.retire();
    this.#handle({ type: 'exited', child: id, abnormal, nowMs: clock.monotonicMs(), draw: random.next() });
  }

  childStopped(id: string): void {
    if (this.#forGood) this.#place(id).child.retire();
    this.#handle({ type: 'stopped', child: id });
  }

  snapshotChildren(): readonly ActorSnapshot[] {
    return [...this.#places.values()].map((place) => this.#snapshotOf(place));
  }

  /** Its rules and what it has used up of them, for a snapshot. */
  get supervision(): SupervisionSnapshot {
    const nowMs = this.#surroundings.clock.monotonicMs();
    const { strategy } = this.#spec;
    const restartsInWindow = this.#core?.restartsInWindow(nowMs) ?? 0;
    return { strategy, intensity: this.#intensity, restartsInWindow };
  }

  get #intensity(): RestartIntensity {
    return this.#spec.intensity ?? defaultIntensity;
  }

  /** The places of the spec, in its order: those that are there with what waits in them, others anew. */
  #restorePlaces(): void {
    const former = this.#places;
    this.#places = new Map();
    for (const spec of this.#spec.children) {
      this.#places.set(spec.id, former.get(spec.id) ?? newPlace(this.#build(spec, this)));
    }
  }

  #remove(place: Place): void {
    place.child.remove();
    this.#places.delete(place.child.id);
  }

  #place(id: string): Place {
    const place = this.#places.get(id);
    if (place === undefined) throw new RangeError(`no child ${id} under ${this.path}`);
    return place;
  }

  #request(
    id: string,
    spec: ChildSpec | undefined,
    build: (request: number) => SupervisorEvent,
  ): Promise<void> {
    if (this.#core === undefined) return Promise.reject(new ChildRefused(this.path, id, 'no_supervisor'));
    this.#requests += 1;
    const request = this.#requests;
    return new Promise((resolve, reject) => {
      this.#pending.set(request, { id, spec, resolve, reject });
      this.#handle(build(request));
    });
  }

  #reply(request: number, outcome: RequestOutcome): void {
    const pending = this.#pending.get(request);
    if (pending === undefined) return;
    this.#pending.delete(request);
    const { id, resolve, reject } = pending;
    if (outcome === 'ok') resolve();
    else if (outcome !== 'start_failed') reject(new ChildRefused(this.path, id, outcome));
    else {
      const { child, failure } = this.#place(id);
      reject(new StartFailed(child.path, { cause: failure?.error }));
    }
  }

  /** Actions may bring about further events at once; those wait until the present actions are done. */
  #handle(event: SupervisorEvent): void {
    this.#events.push(event);
    if (this.#handling) return;
    this.#handling = true;
    for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
      for (const action of this.#core?.handle(next) ?? []) this.#carryOut(action);
    }
    this.#handling = false;
  }

  #carryOut(action: SupervisorAction): void {
    switch (action.type) {
      case 'add': {
        const spec = this.#pending.get(action.request)?.spec;
        if (spec !== undefined) this.#places.set(spec.id, newPlace(this.#build(spec, this)));
        break;
      }
      case 'start':
        this.#place(action.child).child.start();
        break;
      case 'stop':
        this.#stopChild(this.#place(action.child).child);
        break;
      case 'retire':
        this.#place(action.child).child.retire();
        break;
      case 'remove':
        this.#remove(this.#place(action.child));
        break;
      case 'reply':
        this.#reply(action.request, action.outcome);
        break;
      case 'recover':
        this.#surroundings.emit({
          type: 'restarting',
          path: this.#place(action.child).child.path,
          paths: action.children.map((id) => this.#place(id).child.path),
          delayMs: action.delayMs,
        });
        break;
      case 'schedule':
        this.#schedule(action);
        break;
      case 'cancel':
        this.#timers.get(action.recovery)?.cancel();
        this.#timerGone(action.recovery);
        break;
      case 'up':
        this.#surroundings.emit({ type: 'started', path: this.path, incarnation: this.#incarnations });
        this.#parent.childStarted(this.id);
        break;
      case 'escalate':
        this.#beginEscalation(action.child);
        break;
      case 'auto_shutdown':
        break;
      case 'escalated':
        this.#failed(this.#escalation ?? new RestartIntensityExceeded(this.path, this.#intensity));
        break;
      case 'start_failed':
        this.#failed(new StartFailed(this.path, { cause: this.#place(action.child).failure?.error }));
        break;
      case 'ended':
        this.#over('shutdown');
        this.#parent.childExited(this.id, { kind: 'shutdown' });
        break;
      case 'down':
        this.#over(this.#stopReason);
        this.#parent.childStopped(this.id);
        break;
    }
  }

  #stopChild(child: Child): void {
    child.stop(this.#stopReason, this.#forGood);
    if (this.#abandonedAfterMs !== undefined) child.abandon(this.#abandonedAfterMs);
  }

  #schedule(action: { recovery: number; delayMs: number; children: readonly string[] }): void {
    const { clock } = this.#surroundings;
    const { recovery, delayMs, children } = action;
    for (const id of children) this.#place(id).retryAtMs = clock.monotonicMs() + delayMs;
    const cancel = clock.schedule(delayMs, () => {
      this.#timerGone(recovery);
      this.#handle({ type: 'due', recovery });
    });
    this.#timers.set(recovery, { cancel, children });
  }

  #timerGone(recovery: number): void {
    for (const id of this.#timers.get(recovery)?.children ?? []) {
      const place = this.#places.get(id);
      if (place !== undefined) place.retryAtMs = undefined;
    }
    this.#timers.delete(recovery);
  }

  #beginEscalation(child: string): void {
    const cause = this.#place(child).failure?.error;
    const error = new RestartIntensityExceeded(this.path, this.#intensity, { cause });
    this.#escalation = error;
    this.#stopReason = 'restart_intensity';
    this.#surroundings.emit({ type: 'escalated', path: this.path, reason: 'restart_intensity', error });
  }

  #failed(error: Error): void {
    this.#over(this.#escalation === undefined ? 'crash' : 'restart_intensity');
    this.#parent.childExited(this.id, { kind: 'crash', error });
  }

  /** The incarnation has ended, and with it the children that were started by request. */
  #over(reason: StopReason): void {
    this.#core = undefined;
    this.#cancelTimeout?.();
    this.#cancelTimeout = undefined;
    const ofSpec = new Set(this.#spec.children.map(({ id }) => id));
    for (const place of [...this.#places.values()]) {
      if (!ofSpec.has(place.child.id)) this.#remove(place);
    }
    this.#surroundings.emit({ type: 'stopped', path: this.path, reason });
  }

  #snapshotOf(place: Place): ActorSnapshot {
    const { child, starts, failure, retryAtMs } = place;
    const nowMs = this.#surroundings.clock.monotonicMs();
    return {
      path: child.path,
      type: child.type,
      state: this.#shownState(place),
      restarts: Math.max(0, starts - 1),
      depth: child.depth,
      ...(failure && {
        lastFailure: { name: failure.error.name, message: failure.error.message, atMs: failure.atMs },
      }),
      ...(retryAtMs !== undefined && { nextRetryMs: Math.max(0, retryAtMs - nowMs) }),
      ...(child instanceof SupervisorCell && { supervision: child.supervision }),
      children: child.snapshotChildren(),
    };
  }

  #shownState({ child, retryAtMs }: Place): ActorSnapshot['state'] {
    const state = this.#core?.childState(child.id) ?? 'done';
    if (state === 'done') return 'stopped';
    if (state === 'running' && child.isPassive) return 'passive';
    return state === 'idle' && retryAtMs !== undefined ? 'waiting' : state;
  }
}

function newPlace(child: Child): Place {
  return { child, starts: 0, failure: undefined, retryAtMs: undefined };
}
