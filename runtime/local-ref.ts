// References to actors of this process. A reference is a path that is looked up at each use, so that it can be
// made before the actor is there and stays valid over its restarts.
import type { ActorRef, Reply, TellOutcome } from './actor.ts';
import { ActorEnded, MailboxFull } from './actor-errors.ts';
import { PendingAsk } from './ask.ts';
import type { Clock } from './ports.ts';
import type { SystemHappening } from './system-event.ts';

/** A message on its way, with the request that it carries, if any. */
export interface Envelope {
  readonly message: unknown;
  readonly ask?: PendingAsk<unknown>;
  /** Set on a timer's message: it is void once this signal has aborted. */
  readonly validUnless?: AbortSignal;
}

/** What a reference finds at its path. */
export interface Receiver {
  readonly depth: number;
  deliver(envelope: Envelope): TellOutcome;
  /** Resolves to false when the actor has ended for good. */
  room(signal?: AbortSignal): Promise<boolean>;
}

/** Where references look their receivers up. */
export interface Directory {
  readonly clock: Clock;
  find(path: string): Receiver | undefined;
  emit(happening: SystemHappening): void;
}

/** A reference by path. */
export class LocalRef<M> implements ActorRef<M> {
  readonly path: string;
  readonly #directory: Directory;

  constructor(path: string, directory: Directory) {
    this.path = path;
    this.#directory = directory;
  }

  get depth(): number {
    return this.#directory.find(this.path)?.depth ?? 0;
  }

  tell(message: M): TellOutcome {
    return this.#send({ message });
  }

  async ask<R>(
    build: (reply: Reply<R>) => M,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<R> {
    options.signal?.throwIfAborted();
    const ask = new PendingAsk<R>({ path: this.path, clock: this.#directory.clock, ...options });
    try {
      const outcome = this.#send({ message: build(ask), ask: ask as PendingAsk<unknown> });
      if (outcome === 'busy') ask.fail(new MailboxFull(this.path));
      else if (outcome === 'dead') ask.fail(new ActorEnded(this.path));
    } catch (error) {
      ask.withdraw();
      throw error;
    }
    return ask.answer;
  }

  async room(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const room = await this.#directory.find(this.path)?.room(signal);
    if (room !== true) throw new ActorEnded(this.path);
  }

  #send(envelope: Envelope): TellOutcome {
    const receiver = this.#directory.find(this.path);
    if (receiver !== undefined) return receiver.deliver(envelope);
    const { message } = envelope;
    this.#directory.emit({ type: 'dead_letter', path: this.path, reason: 'no_actor', message });
    return 'dead';
  }
}
