// Who waits for whom, in a test. Actors that ask each other in a circle wait for ever; which interleaving brings it
// about is chance. This finds the circle at the ask that closes it, and beforehand the order of asks that allows one.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { ActorRef, Reply } from '../actor.ts';
import type { SystemCheck } from '../system-check.ts';
import { ForwardingRef } from './forwarding-ref.ts';

/** An ask would have closed a circle of actors, each of which waits for the next. */
export class WaitCycle extends Error {
  override readonly name = 'WaitCycle';
  readonly code = 'wait_cycle';
  /** Paths from the actor that asked, each asking the next; the last asks the first. */
  readonly cycle: readonly string[];

  constructor(cycle: readonly string[]) {
    super(`expected asks without a circle, but ${[...cycle, cycle[0]].join(' asks ')}`);
    this.cycle = cycle;
  }
}

/** A start or handler that has not settled: what it asks for, its actor waits for. */
interface Holder {
  readonly path: string;
  over: boolean;
}

interface Wait {
  readonly from: Holder;
  readonly to: string;
}

/**
 * The waits of one system. An actor waits while its start or handler has an ask (or waits for room) and has not
 * settled itself; what runs on after the handler is nobody's wait.
 */
export class WaitGraph implements SystemCheck {
  readonly #inHand = new AsyncLocalStorage<Holder>();
  readonly #waits = new Set<Wait>();
  /** Every wait there ever was, by paths. */
  readonly #seen = new Map<string, Set<string>>();
  readonly #possible: WaitCycle[] = [];
  readonly #closed: WaitCycle[] = [];

  /** The circles that asks would have closed; each such ask was rejected with its WaitCycle. */
  get cycles(): readonly WaitCycle[] {
    return this.#closed;
  }

  /**
   * The circles of all asks seen so far, whether they were under way together or not: in another interleaving they
   * may be. Whoever keeps asks to a fixed order has none.
   */
  get possibleCycles(): readonly WaitCycle[] {
    return this.#possible;
  }

  /** @throws WaitCycle the first circle there was, or that there could be */
  assertNone(): void {
    const found = this.#closed[0] ?? this.#possible[0];
    if (found !== undefined) throw found;
  }

  ref<M>(ref: ActorRef<M>): ActorRef<M> {
    return new WaitRef(ref, this);
  }

  self<M>(ref: ActorRef<M>): ActorRef<M> {
    return new WaitRef(ref, this);
  }

  run<T>(path: string, work: () => T): T {
    const holder: Holder = { path, over: false };
    const settled = () => {
      holder.over = true;
    };
    let result: T | undefined;
    try {
      result = this.#inHand.run(holder, work);
      return result;
    } finally {
      if (result instanceof Promise) void result.then(settled, settled);
      else settled();
    }
  }

  /**
   * Begins a wait for the actor at `to`; the returned function ends it.
   * @throws WaitCycle
   */
  begin(to: string): () => void {
    const from = this.#inHand.getStore();
    if (from === undefined || from.over) return () => {};
    const cycle = pathBetween(to, from.path, (path) => this.#waitedFor(path));
    if (cycle !== undefined) {
      const error = new WaitCycle([from.path, ...cycle.slice(0, -1)]);
      this.#closed.push(error);
      throw error;
    }
    this.#remember(from.path, to);
    const wait: Wait = { from, to };
    this.#waits.add(wait);
    return () => void this.#waits.delete(wait);
  }

  #remember(from: string, to: string): void {
    const known = this.#seen.get(from) ?? new Set();
    this.#seen.set(from, known);
    if (known.has(to)) return;
    const cycle = pathBetween(to, from, (path) => this.#seen.get(path) ?? []);
    if (cycle !== undefined) this.#possible.push(new WaitCycle([from, ...cycle.slice(0, -1)]));
    known.add(to);
  }

  #waitedFor(path: string): readonly string[] {
    return [...this.#waits].filter(({ from }) => from.path === path && !from.over).map(({ to }) => to);
  }
}

/** The paths from `start` to `end`, both included; `undefined` if `end` is not reached. */
function pathBetween(
  start: string,
  end: string,
  next: (path: string) => Iterable<string>,
): readonly string[] | undefined {
  const cameFrom = new Map<string, string | undefined>([[start, undefined]]);
  for (const path of cameFrom.keys()) {
    if (path === end) return trail(path, cameFrom);
    for (const other of next(path)) if (!cameFrom.has(other)) cameFrom.set(other, path);
  }
  return undefined;
}

function trail(end: string, cameFrom: ReadonlyMap<string, string | undefined>): readonly string[] {
  const paths: string[] = [];
  for (let path: string | undefined = end; path !== undefined; path = cameFrom.get(path)) paths.unshift(path);
  return paths;
}

class WaitRef<M> extends ForwardingRef<M> {
  readonly #graph: WaitGraph;

  constructor(ref: ActorRef<M>, graph: WaitGraph) {
    super(ref);
    this.#graph = graph;
  }

  override ask<R>(
    build: (reply: Reply<R>) => M,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<R> {
    return this.#waiting(() => super.ask(build, options));
  }

  override room(signal?: AbortSignal): Promise<void> {
    return this.#waiting(() => super.room(signal));
  }

  async #waiting<T>(wait: () => Promise<T>): Promise<T> {
    const end = this.#graph.begin(this.path);
    try {
      return await wait();
    } finally {
      end();
    }
  }
}
