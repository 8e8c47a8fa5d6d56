// What an asker and whoever starts a system may catch. Each names the actor by its path and carries a stable
// `code`; the crash behind it, where there is one, is its `cause`.
import type { RestartIntensity } from '#supervision';

/** The reply did not come in time. The request may still be handled; its late reply is ignored. */
export class AskTimeout extends Error {
  override readonly name = 'AskTimeout';
  readonly code = 'ask_timeout';
  /** By its consequence: again, with a longer limit. */
  readonly failureClass = 'timeout';
  readonly path: string;
  readonly timeoutMs: number;

  constructor(path: string, timeoutMs: number) {
    super(`expected a reply of ${path} within ${timeoutMs} ms, but none came`);
    this.path = path;
    this.timeoutMs = timeoutMs;
  }
}

/** The mailbox had no room for the request, or dropped it later in favour of newer messages. */
export class MailboxFull extends Error {
  override readonly name = 'MailboxFull';
  readonly code = 'mailbox_full';
  readonly path: string;

  constructor(path: string) {
    super(`the mailbox of ${path} is full`);
    this.path = path;
  }
}

/** The actor has ended, or stopped or crashed while it held the request; `cause` is the crash. */
export class ActorEnded extends Error {
  override readonly name = 'ActorEnded';
  readonly code = 'actor_ended';
  readonly path: string;

  constructor(path: string, options?: ErrorOptions) {
    super(`${path} ended before it replied`, options);
    this.path = path;
  }
}

/** An actor that this one was linked with ended, and this one with it; `cause` is the crash of the other, if it crashed. */
export class LinkedActorEnded extends Error {
  override readonly name = 'LinkedActorEnded';
  readonly code = 'linked_actor_ended';
  readonly path: string;

  constructor(
    path: string,
    linked: { readonly path: string; readonly reason: string; readonly error?: Error },
  ) {
    super(
      `${path} is linked with ${linked.path}, which ended: ${linked.reason}`,
      linked.error === undefined ? undefined : { cause: linked.error },
    );
    this.path = path;
  }
}

/** An actor stashed more messages than its spec allows. */
export class StashFull extends Error {
  override readonly name = 'StashFull';
  readonly code = 'stash_full';
  readonly path: string;

  constructor(path: string, capacity: number) {
    super(`expected at most ${capacity} stashed messages of ${path}, but one more was stashed`);
    this.path = path;
  }
}

/** Something was asked of an actor's context that its present state has no sense for. */
export class InvalidState extends Error {
  override readonly name = 'InvalidState';
  readonly code = 'invalid_state';
}

/** A supervisor could not bring its children up; `cause` is the failure of the child that did not start. */
export class StartFailed extends Error {
  override readonly name = 'StartFailed';
  readonly code = 'start_failed';
  readonly path: string;

  constructor(path: string, options?: ErrorOptions) {
    super(`${path} could not be started`, options);
    this.path = path;
  }
}

/** A supervisor used up its restarts and gave up; `cause` is the failure that was one too many. */
export class RestartIntensityExceeded extends Error {
  override readonly name = 'RestartIntensityExceeded';
  readonly code = 'restart_intensity';
  readonly path: string;
  /** What it allowed itself. */
  readonly intensity: RestartIntensity;

  constructor(path: string, intensity: RestartIntensity, options?: ErrorOptions) {
    super(
      `${path} allows ${intensity.maxRestarts} restarts in ${intensity.withinMs} ms, but one more was needed`,
      options,
    );
    this.path = path;
    this.intensity = intensity;
  }
}

/** A spec that no system can be started from: the message says what was expected and what was given. */
export class InvalidSpec extends Error {
  override readonly name = 'InvalidSpec';
  readonly code = 'invalid_spec';
}

/** The value itself if it is an error, else an error that says what was thrown. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(`expected an Error, but ${String(thrown)} was thrown`);
}
