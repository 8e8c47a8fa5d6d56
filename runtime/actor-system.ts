// The actors of one process: a tree of supervisors under one root, the references into it, and its end. The
// composition root starts one system; everything else is given references.
import type { ActorRef, SupervisorSpec } from './actor.ts';
import { ActorCell } from './actor-cell.ts';
import { RestartIntensityExceeded, toError } from './actor-errors.ts';
import { AskDeadlines } from './ask-deadlines.ts';
import type { ActorSnapshot, Parent, Surroundings } from './child.ts';
import { rootPath } from './child-path.ts';
import { buildSupervisor } from './child-places.ts';
import { Dispatcher, type Scheduler } from './dispatcher.ts';
import { logHappening } from './event-log.ts';
import { LocalRef, type Receiver } from './local-ref.ts';
import { silentLogger, withFields } from './loggers.ts';
import type { Clock, Logger, RandomSource } from './ports.ts';
import { checkSupervisor } from './spec-check.ts';
import type { SupervisorCell } from './supervisor-cell.ts';
import { LocalSupervisorRef, type SupervisorRef } from './supervisor-ref.ts';
import { type SystemCheck, SystemChecks } from './system-check.ts';
import { systemClock } from './system-clock.ts';
import type { SystemEvent, SystemHappening } from './system-event.ts';
import { systemRandom } from './system-random.ts';

/** What a system is started from. */
export interface ActorSystemOptions {
  /** Name of the system, a field of each of its log lines. */
  readonly name: string;
  /** The tree; its children are addressed without the root's id: `photos/index/shard-0`. */
  readonly root: SupervisorSpec;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Default: `Math.random()`. */
  readonly random?: RandomSource;
  /** Default: silent. */
  readonly log?: Logger;
  /** Hears every event, in order, at once; what it throws is logged and ignored. */
  readonly onEvent?: (event: SystemEvent) => void;
  /** Decides which of the actors with messages runs next; default: they take turns. For tests (`troupe/testkit`). */
  readonly scheduler?: Scheduler;
  /** Watch what actors send and wait for; default none. For tests (`troupe/testkit`). */
  readonly checks?: readonly SystemCheck[];
  /** Gives up the start when it aborts. Without effect once the system is up. */
  readonly signal?: AbortSignal;
}

/** Why a system ended. */
export interface SystemEnd {
  /** `shutdown`: it was stopped; `restart_intensity`: the root supervisor used up its restarts. */
  readonly reason: 'shutdown' | 'restart_intensity';
  /** What the root supervisor failed with. */
  readonly error?: Error;
}

/** A running tree of actors. */
export class ActorSystem {
  /** Resolves when the last actor is down; it never rejects. */
  readonly ended: Promise<SystemEnd>;
  readonly #root: SupervisorCell;
  readonly #surroundings: Surroundings;
  readonly #deadlines: AskDeadlines;
  readonly #checks: SystemChecks | undefined;
  readonly #resolveEnded: (end: SystemEnd) => void;
  readonly #up = Promise.withResolvers<void>();
  #state: ActorSnapshot['state'] = 'starting';

  /**
   * Starts all actors, left to right; resolves when the whole tree is up.
   * @throws InvalidSpec, InvalidSupervisionOptions for a spec that makes no sense
   * @throws StartFailed when an actor failed to start; those that were up have been stopped again
   * @throws RestartIntensityExceeded when crashes used up the root's restarts before all were up
   * @throws the signal's reason when it aborts first
   */
  static async start(options: ActorSystemOptions): Promise<ActorSystem> {
    const { signal } = options;
    signal?.throwIfAborted();
    const system = new ActorSystem(options);
    const giveUp = () => {
      system.#up.reject(signal?.reason);
      system.#stopRoot();
    };
    signal?.addEventListener('abort', giveUp, { once: true });
    system.#root.start();
    try {
      await system.#up.promise;
      return system;
    } catch (error) {
      await system.ended;
      throw error;
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
  }

  private constructor(options: ActorSystemOptions) {
    const { promise, resolve } = Promise.withResolvers<SystemEnd>();
    this.ended = promise;
    this.#resolveEnded = resolve;
    const log = withFields(options.log ?? silentLogger, { system: options.name });
    const clock = options.clock ?? systemClock;
    const receivers = new Map<string, Receiver>();
    const emit = (happening: SystemHappening) => publish(happening, clock, log, options.onEvent);
    this.#deadlines = new AskDeadlines(clock);
    const directory = { deadlines: this.#deadlines, emit, find: (path: string) => receivers.get(path) };
    this.#checks = options.checks && new SystemChecks(options.checks);
    const surroundings: Surroundings = {
      clock,
      random: options.random ?? systemRandom,
      log,
      dispatcher: options.scheduler ?? new Dispatcher(),
      emit,
      ref: <M>(path: string) => new LocalRef<M>(path, directory),
      supervisor: (path) => new LocalSupervisorRef(path, surroundings),
      supervisors: new Map(),
      makeActor: (place) => {
        const spec = this.#checks?.actor(place.spec) ?? place.spec;
        const cell = new ActorCell({ ...place, spec, surroundings });
        receivers.set(place.path, cell);
        return cell;
      },
      unregister: (path, receiver) => {
        if (receivers.get(path) === receiver) receivers.delete(path);
      },
    };
    this.#surroundings = surroundings;
    checkSupervisor(rootPath, options.root);
    this.#root = buildSupervisor({
      path: rootPath,
      spec: options.root,
      parent: this.#asParent(),
      surroundings,
    });
  }

  /** Reference to an actor by path from the root; it need not be there yet. */
  ref<M>(path: string): ActorRef<M> {
    const ref = this.#surroundings.ref<M>(path);
    return this.#checks?.ref(ref) ?? ref;
  }

  /** Reference to a supervisor by path from the root; `/` is the root itself. */
  supervisor(path: string): SupervisorRef {
    return this.#surroundings.supervisor(path);
  }

  /** Stops all actors, right to left; resolves when the last one is down. Stopping twice is stopping once. */
  async stop(): Promise<void> {
    this.#stopRoot();
    await this.ended;
  }

  /** The tree as it is now, for people to read. */
  snapshot(): ActorSnapshot {
    return {
      path: rootPath,
      type: 'supervisor',
      state: this.#state,
      restarts: 0,
      depth: 0,
      supervision: this.#root.supervision,
      children: this.#root.snapshotChildren(),
    };
  }

  #stopRoot(): void {
    if (this.#state === 'stopped' || this.#state === 'stopping') return;
    this.#state = 'stopping';
    this.#root.stop('shutdown', true);
  }

  #asParent(): Parent {
    return {
      childStarted: () => {
        if (this.#state === 'starting') this.#state = 'running';
        this.#up.resolve();
      },
      childStopped: () => this.#end({ reason: 'shutdown' }),
      childExited: (_root, exit) => {
        if (exit.kind !== 'crash') {
          this.#end({ reason: 'shutdown' });
          return;
        }
        const { error } = exit;
        const reason = error instanceof RestartIntensityExceeded ? 'restart_intensity' : 'shutdown';
        this.#up.reject(error);
        this.#end({ reason, error });
      },
    };
  }

  #end(end: SystemEnd): void {
    this.#state = 'stopped';
    this.#root.retire();
    this.#deadlines.close();
    this.#resolveEnded(end);
  }
}

function publish(
  happening: SystemHappening,
  clock: Clock,
  log: Logger,
  onEvent: ActorSystemOptions['onEvent'],
): void {
  logHappening(log, happening);
  try {
    onEvent?.({ ...happening, atMs: clock.wallMs() });
  } catch (thrown) {
    log.error({ err: toError(thrown) }, 'the listener to system events threw');
  }
}
