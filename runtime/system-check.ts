// How the checks that tests switch on get into a system: by wrapping references, and actors where they are made. A
// system without checks makes both as they are, and pays nothing.
import type { ActorContext, ActorRef, ActorSpec, Behaviour } from './actor.ts';

/** One check. */
export interface SystemCheck {
  /** What an actor, or whoever stands outside, gets in place of a reference. */
  ref<M>(ref: ActorRef<M>): ActorRef<M>;
  /** What an actor gets in place of the reference to itself. */
  self<M>(ref: ActorRef<M>): ActorRef<M>;
  /** Runs the start, one handler or the end of the actor at `path`. */
  run<T>(path: string, work: () => T): T;
}

/** The checks of one system; of several, the first is the nearest to the actor. */
export class SystemChecks {
  readonly #checks: readonly SystemCheck[];
  /** Of each wrapped reference the one of the system, which watches and links need. */
  readonly #plain = new WeakMap<object, object>();

  constructor(checks: readonly SystemCheck[]) {
    this.#checks = checks;
  }

  /** The reference under all checks. */
  ref<M>(ref: ActorRef<M>): ActorRef<M> {
    return this.#wrapped(ref, (check, inner) => check.ref(inner));
  }

  /** The actor under all checks. */
  actor<M>(spec: ActorSpec<M>): ActorSpec<M> {
    const start = (context: ActorContext<M>) =>
      this.#run(context.path, () => {
        const started = spec.start(this.#context(context));
        return started instanceof Promise
          ? started.then((behaviour) => this.#behaviour(behaviour, context))
          : this.#behaviour(started, context);
      });
    return { ...spec, start };
  }

  #wrapped<M>(ref: ActorRef<M>, wrap: (check: SystemCheck, inner: ActorRef<M>) => ActorRef<M>): ActorRef<M> {
    const wrapped = this.#checks.reduceRight((inner, check) => wrap(check, inner), ref);
    if (wrapped !== ref) this.#plain.set(wrapped, ref);
    return wrapped;
  }

  #run<T>(path: string, work: () => T): T {
    return this.#checks.reduceRight((inner, check) => () => check.run(path, inner), work)();
  }

  #behaviour<M>(behaviour: Behaviour<M>, { path }: ActorContext<M>): Behaviour<M> {
    return {
      receive: (message) => this.#run(path, () => behaviour.receive(message)),
      stopped: (reason) => this.#run(path, () => behaviour.stopped?.(reason)),
    };
  }

  /** The context as it is, but for the references that it hands out and takes, and the handlers that it is given. */
  #context<M>(context: ActorContext<M>): ActorContext<M> {
    // Only references that were wrapped here are in the map, each with one of its own type.
    const plain = <N>(ref: ActorRef<N>) => (this.#plain.get(ref) as ActorRef<N> | undefined) ?? ref;
    const changed: Partial<ActorContext<M>> = {
      self: this.#wrapped(context.self, (check, inner) => check.self(inner)),
      ref: (path) => this.ref(context.ref(path)),
      watch: (other, build) => context.watch(plain(other), build),
      link: (other) => context.link(plain(other)),
      spawn: async (spec) => this.ref(await context.spawn(spec)),
      become: (receive) => context.become((message) => this.#run(context.path, () => receive(message))),
    };
    return new Proxy(context, {
      get(target, name) {
        if (Object.hasOwn(changed, name)) return Reflect.get(changed, name);
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }
}
