// A supervisor's place in the tree. All decisions are the pure core's (supervision/); this turns what happens
// to the children into its events, carries its actions out with real timers, and keeps what people want to
// see of each child.
import {
  defaultBackoff,
  defaultIntensity,
  type RestartIntensity,
  type SupervisorAction,
  SupervisorCore,
  type SupervisorEvent,
} from '#supervision';
import type { StopReason, SupervisorSpec } from './actor.ts';
import { RestartIntensityExceeded, StartFailed } from './actor-errors.ts';
import type { ActorSnapshot, Child, Exit, Parent, Surroundings } from './child.ts';

interface Place {
  readonly child: Child;
  starts: number;
  failure: { readonly error: Error; readonly atMs: number } | undefined;
  /** Monotonic time of the next start, while it waits for one. */
  retryAtMs: number | undefined;
}

/** Makes the places of the children; passed in because actors and supervisors build each other. */
export type BuildPlaces = (parent: Parent) => readonly Child[];

/** Runs one supervisor through all its incarnations. */
export class SupervisorCell implements Child, Parent {
  readonly id: string;
  readonly path: string;
  readonly type = 'supervisor';
  readonly depth = 0;
  readonly isPassive = false;
  readonly #spec: SupervisorSpec;
  readonly #parent: Parent;
  readonly #surroundings: Surroundings;
  readonly #places: ReadonlyMap<string, Place>;
  readonly #timers = new Map<number, { readonly cancel: () => void; readonly children: readonly string[] }>();
  /** Events that came while actions were being carried out. */
  readonly #events: SupervisorEvent[] = [];
  #handling = false;
  #core: SupervisorCore | undefined;
  #incarnations = 0;
  #stopReason: StopReason = 'shutdown';
  #forGood = false;
  /** Why this incarnation fails, once it has used up its restarts. */
  #escalation: RestartIntensityExceeded | undefined;

  /**
   * @throws InvalidSpec
   * @throws InvalidSupervisionOptions
   */
  constructor(options: {
    readonly path: string;
    readonly spec: SupervisorSpec;
    readonly parent: Parent;
    readonly surroundings: Surroundings;
    readonly buildPlaces: BuildPlaces;
  }) {
    this.id = options.spec.id;
    this.path = options.path;
    this.#spec = options.spec;
    this.#parent = options.parent;
    this.#surroundings = options.surroundings;
    this.#places = new Map(
      options
        .buildPlaces(this)
        .map((child) => [child.id, { child, starts: 0, failure: undefined, retryAtMs: undefined }]),
    );
    // Wrong options show when the tree is built, not at the first start.
    this.#newCore();
  }

  start(): void {
    if (this.#core !== undefined) return;
    this.#incarnations += 1;
    this.#stopReason = 'shutdown';
    this.#escalation = undefined;
    this.#core = this.#newCore();
    this.#handle({ type: 'start' });
  }

  stop(reason: StopReason, forGood: boolean): void {
    this.#stopReason = reason;
    this.#forGood = forGood;
    if (forGood && this.#core !== undefined) {
      for (const { child } of this.#places.values()) {
        if (this.#core.childState(child.id) === 'idle') child.retire();
      }
    }
    this.#handle({ type: 'stop' });
  }

  retire(): void {
    for (const { child } of this.#places.values()) child.retire();
  }

  remove(): void {
    for (const { child } of this.#places.values()) child.remove();
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
    if (abnormal) place.failure = { error: exit.error, atMs: clock.wallMs() };
    if (this.#forGood) place.child.retire();
    const nowMs = clock.monotonicMs();
    this.#handle({ type: 'exited', child: id, abnormal, nowMs, draw: random.next() });
  }

  childStopped(id: string): void {
    if (this.#forGood) this.#place(id).child.retire();
    this.#handle({ type: 'stopped', child: id });
  }

  snapshotChildren(): readonly ActorSnapshot[] {
    return [...this.#places.values()].map((place) => this.#snapshotOf(place));
  }

  get #intensity(): RestartIntensity {
    return this.#spec.intensity ?? defaultIntensity;
  }

  #newCore(): SupervisorCore {
    const { strategy, backoff, children } = this.#spec;
    return new SupervisorCore({
      strategy,
      intensity: this.#intensity,
      backoff: backoff ?? defaultBackoff,
      children: children.map(({ id, restart }) => ({ id, restart: restart ?? 'permanent' })),
    });
  }

  #place(id: string): Place {
    const place = this.#places.get(id);
    if (place === undefined) throw new RangeError(`no child ${id} under ${this.path}`);
    return place;
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
      case 'start':
        this.#place(action.child).child.start();
        break;
      case 'stop':
        this.#place(action.child).child.stop(this.#stopReason, this.#forGood);
        break;
      case 'retire':
        this.#place(action.child).child.retire();
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
      case 'escalated':
        this.#failed(this.#escalation ?? new RestartIntensityExceeded(this.path, this.#intensity));
        break;
      case 'start_failed':
        this.#failed(new StartFailed(this.path, { cause: this.#place(action.child).failure?.error }));
        break;
      case 'down':
        this.#core = undefined;
        this.#surroundings.emit({ type: 'stopped', path: this.path, reason: this.#stopReason });
        this.#parent.childStopped(this.id);
        break;
    }
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
    for (const id of this.#timers.get(recovery)?.children ?? []) this.#place(id).retryAtMs = undefined;
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
    this.#core = undefined;
    const reason = this.#escalation === undefined ? 'crash' : 'restart_intensity';
    this.#surroundings.emit({ type: 'stopped', path: this.path, reason });
    this.#parent.childExited(this.id, { kind: 'crash', error });
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
