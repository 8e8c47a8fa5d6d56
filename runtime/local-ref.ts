// References to actors of this process. A reference is a path that is looked up when it is first used and again
// when the place has gone, so that it can be made before the actor is there and stays valid over its restarts.
import type { ActorRef, Reply, TellOutcome } from './actor.ts';
import { ActorEnded, MailboxFull } from './actor-errors.ts';
import { PendingAsk } from './ask.ts';
import type { AskDeadlines } from './ask-deadlines.ts';
import type { WatchedLife } from './end-watch.ts';
import { Asked, type Envelope } from './envelope.ts';
import type { SystemHappening } from './system-event.ts';

/** What a reference finds at its path. */
export interface Receiver {
  readonly depth: number;
  readonly ended: boolean;
  /** The place has been taken out of the tree; another one may stand at its path. */
  readonly isRemoved: boolean;
  deliver(envelope: Envelope): TellOutcome;
  /** Resolves to false when the actor has ended for good. */
  room(signal?: AbortSignal): Promise<boolean>;
  /** Its present life, to be watched or linked with; none while it is down. */
  readonly life: WatchedLife | undefined;
}

/** Where references look their receivers up. */
export interface Directory {
  readonly deadlines: AskDeadlines;
  find(path: string): Receiver | undefined;
  emit(happening: SystemHappening): void;
}

/** A reference by path. */
export class LocalRef<M> implements ActorRef<M> {
  readonly path: string;
  readonly #directory: Directory;
  #found: Receiver | undefined;

  constructor(path: string, directory: Directory) {
    this.path = path;
    this.#directory = directory;
  }

  get depth(): number {
    return this.receiver()?.depth ?? 0;
  }

  get ended(): boolean {
    return this.receiver()?.ended ?? true;
  }

  tell(message: M): TellOutcome {
    const receiver = this.receiver();
    return receiver === undefined ? this.#nobody(message) : receiver.deliver(message);
  }

  ask<R>(
    build: (reply: Reply<R>) => M,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<R> {
    const { timeoutMs, signal } = options;
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    const { deadlines } = this.#directory;
    const ask = new PendingAsk<R>({ path: this.path, deadlines, timeoutMs, signal });
    try {
      this.#send(build(ask), ask);
    } catch (error) {
      ask.withdraw();
      return Promise.reject(error);
    }
    return ask.answer;
  }

  async room(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const room = await this.receiver()?.room(signal);
    if (room !== true) throw new ActorEnded(this.path);
  }

  /** Whoever stands at the path now. */
  receiver(): Receiver | undefined {
    if (this.#found === undefined || this.#found.isRemoved) this.#found = this.#directory.find(this.path);
    return this.#found;
  }

  #send<R>(message: M, ask: PendingAsk<R>): void {
    const receiver = this.receiver();
    // A receiver knows nothing of the type of its replies; the asker's reference has it.
    const outcome =
      receiver?.deliver(new Asked(message, ask as PendingAsk<unknown>)) ?? this.#nobody(message);
    if (outcome === 'busy') ask.fail(new MailboxFull(this.path));
    else if (outcome === 'dead') ask.fail(new ActorEnded(this.path));
  }

  #nobody(message: unknown): TellOutcome {
    this.#directory.emit({ type: 'dead_letter', path: this.path, reason: 'no_actor', message });
    return 'dead';
  }
}
