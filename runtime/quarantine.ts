// A request that ends the thread which looks at it, held apart from its neighbours: the first attempt runs where all
// run, further ones alone, and after the last the request is quarantined. Attempts belong to the request and are
// counted here; restarts belong to the actor and are its supervisor's, so that a pool survives its poison.
import { ActorEnded } from './actor-errors.ts';
import { ThreadCrashed, ThreadTimeout } from './thread-errors.ts';

/** Attempts where nothing else is said: one with all others, two alone. */
const defaultMaxAttempts = 3;

/** The request ended every thread that looked at it; `cause` is what the last one ended of. */
export class Quarantined extends Error {
  override readonly name = 'Quarantined';
  readonly code = 'quarantined';
  readonly attempts: number;
  /** By its consequence: a dead letter. */
  readonly failureClass = 'permanent';
  override readonly cause: Error;

  constructor(attempts: number, cause: Error) {
    super(`each of ${attempts} attempts ended its thread: ${cause.message}`, { cause });
    this.attempts = attempts;
    this.cause = cause;
  }
}

/**
 * One attempt at a request. `shared`: on a pool which serves others, too. `alone`: where nothing else can be hurt,
 * as by `isolatedCall`.
 */
export type Attempt<R> = (where: 'shared' | 'alone') => Promise<R>;

/**
 * Tries a request elsewhere when it ended its thread.
 * @param maxAttempts in all; default 3
 * @throws Quarantined after the last attempt; else whatever an attempt failed with that left its thread alive
 */
export async function withQuarantine<R>(attempt: Attempt<R>, maxAttempts = defaultMaxAttempts): Promise<R> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await attempt(attempts === 1 ? 'shared' : 'alone');
    } catch (error) {
      if (!endedItsThread(error)) throw error;
      if (attempts >= maxAttempts) throw new Quarantined(attempts, error);
    }
  }
}

/** A thread actor that ended may have been taken down by the request, and a second attempt is harmless. */
function endedItsThread(error: unknown): error is ThreadCrashed | ThreadTimeout | ActorEnded {
  return error instanceof ThreadCrashed || error instanceof ThreadTimeout || error instanceof ActorEnded;
}
