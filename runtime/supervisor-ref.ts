// Children by request: starting, stopping and taking off the children of a running supervisor, as OTP's
// supervisor does for its callers. A reference is a path, looked up at each use, and stays valid over restarts.
import type { ChildState, RequestOutcome, RestartType } from '#supervision';
import type { ActorRef, ActorSpec, ChildSpec, SupervisorSpec } from './actor.ts';
import { childPath } from './child-path.ts';

/** A child as its supervisor lists it. */
export interface ChildInfo {
  readonly id: string;
  readonly path: string;
  readonly type: 'actor' | 'supervisor';
  readonly restart: RestartType;
  readonly significant: boolean;
  /** `done`: down until it is restarted by request or together with its siblings. */
  readonly state: ChildState;
}

/**
 * A supervisor of which children can be asked for. Children that were started by request live as long as this
 * incarnation of the supervisor: one that is restarted comes up with the children of its spec.
 */
export interface SupervisorRef {
  readonly path: string;
  /**
   * Adds a child at the end of the list and starts it; resolves when it is up.
   * @throws InvalidSpec, InvalidSupervisionOptions for a spec that makes no sense here
   * @throws StartFailed when it did not start; it is not in the list then
   * @throws ChildRefused
   */
  startChild<M>(spec: ActorSpec<M>): Promise<ActorRef<M>>;
  startChild(spec: SupervisorSpec): Promise<SupervisorRef>;
  /**
   * Stops a child in order. It stays in the list, down, unless it is temporary; what its mailbox held is
   * dead-lettered. A child that is down already is no error.
   * @throws ChildRefused
   */
  terminateChild(id: string): Promise<void>;
  /**
   * Starts a child that is down.
   * @throws StartFailed
   * @throws ChildRefused
   */
  restartChild(id: string): Promise<void>;
  /**
   * Takes a child that is down off the list; its path is free then.
   * @throws ChildRefused
   */
  deleteChild(id: string): Promise<void>;
  /** The children in start order; none while the supervisor is down. */
  children(): readonly ChildInfo[];
}

/** Why a request was refused; `no_supervisor`: none is running at this path. */
export type Refusal = Exclude<RequestOutcome, 'ok' | 'start_failed'> | 'no_supervisor';

const refusals: Readonly<Record<Refusal, string>> = {
  not_found: 'there is no such child',
  already_started: 'a child of this id is there and alive',
  already_present: 'a child of this id is there, though down',
  running: 'the child is alive',
  restarting: 'the child is about to be restarted',
  terminated: 'the child was terminated while it started',
  supervisor_stops: 'the supervisor stops',
  no_supervisor: 'no supervisor is running here',
};

/** A supervisor did not do what was asked of it; `refusal` says why. */
export class ChildRefused extends Error {
  override readonly name = 'ChildRefused';
  readonly code = 'child_refused';
  /** Path of the supervisor. */
  readonly path: string;
  readonly child: string;
  readonly refusal: Refusal;

  constructor(path: string, child: string, refusal: Refusal) {
    super(`${path} refused the request for its child "${child}": ${refusals[refusal]}`);
    this.path = path;
    this.child = child;
    this.refusal = refusal;
  }
}

/** A supervisor's side of the requests. */
export interface DynamicSupervisor {
  startChild(spec: ChildSpec): Promise<void>;
  terminateChild(id: string): Promise<void>;
  restartChild(id: string): Promise<void>;
  deleteChild(id: string): Promise<void>;
  listChildren(): readonly ChildInfo[];
}

/** Where references find supervisors and make references to actors. */
export interface SupervisorDirectory {
  readonly supervisors: ReadonlyMap<string, DynamicSupervisor>;
  ref<M>(path: string): ActorRef<M>;
}

/** A reference by path. */
export class LocalSupervisorRef implements SupervisorRef {
  readonly path: string;
  readonly #directory: SupervisorDirectory;

  constructor(path: string, directory: SupervisorDirectory) {
    this.path = path;
    this.#directory = directory;
  }

  startChild<M>(spec: ActorSpec<M>): Promise<ActorRef<M>>;
  startChild(spec: SupervisorSpec): Promise<SupervisorRef>;
  async startChild(spec: ChildSpec): Promise<ActorRef<unknown> | SupervisorRef> {
    await this.#find(spec.id).startChild(spec);
    const path = childPath(this.path, spec.id);
    return spec.type === 'actor'
      ? this.#directory.ref<unknown>(path)
      : new LocalSupervisorRef(path, this.#directory);
  }

  async terminateChild(id: string): Promise<void> {
    await this.#find(id).terminateChild(id);
  }

  async restartChild(id: string): Promise<void> {
    await this.#find(id).restartChild(id);
  }

  async deleteChild(id: string): Promise<void> {
    await this.#find(id).deleteChild(id);
  }

  children(): readonly ChildInfo[] {
    return this.#directory.supervisors.get(this.path)?.listChildren() ?? [];
  }

  #find(child: string): DynamicSupervisor {
    const supervisor = this.#directory.supervisors.get(this.path);
    if (supervisor === undefined) throw new ChildRefused(this.path, child, 'no_supervisor');
    return supervisor;
  }
}
