// A reference that passes everything on to another one: what checks change of it, they override.
import type { ActorRef, Reply, TellOutcome } from '../actor.ts';

/** The reference `inner` under another object. */
export class ForwardingRef<M> implements ActorRef<M> {
  protected readonly inner: ActorRef<M>;

  constructor(inner: ActorRef<M>) {
    this.inner = inner;
  }

  get path(): string {
    return this.inner.path;
  }

  get depth(): number {
    return this.inner.depth;
  }

  get ended(): boolean {
    return this.inner.ended;
  }

  tell(message: M): TellOutcome {
    return this.inner.tell(message);
  }

  ask<R>(
    build: (reply: Reply<R>) => M,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<R> {
    return this.inner.ask(build, options);
  }

  room(signal?: AbortSignal): Promise<void> {
    return this.inner.room(signal);
  }
}
