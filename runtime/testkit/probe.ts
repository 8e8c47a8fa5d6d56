// An actor that does nothing but remember what it is told, for a test to look at. The test awaits the next message
// instead of sleeping until it should be there.
import type { ActorContext, ActorSpec, MailboxOptions } from '../actor.ts';

/** How a probe is made; everything has a default. */
export interface ProbeOptions<M> {
  /** Runs for each message before the probe shows it to the test, to reply or to throw; default nothing. */
  readonly receive?: (message: M, context: ActorContext<M>) => void | Promise<void>;
  /** Default as for all actors. */
  readonly mailbox?: MailboxOptions;
}

/** The message that a test waits for did not come. */
export class ProbeTimeout extends Error {
  override readonly name = 'ProbeTimeout';
  readonly code = 'probe_timeout';

  constructor(id: string, withinMs: number, received: number) {
    super(
      `expected another message at probe ${id} within ${withinMs} ms, but all it received are ${received}`,
    );
  }
}

interface Waiter<M> {
  readonly resolve: (message: M) => void;
  readonly cancelTimeout: () => void;
}

/** A probe: put its `spec` into a tree, tell it, ask what came. */
export class Probe<M> {
  readonly id: string;
  /** Its place in a tree. */
  readonly spec: ActorSpec<M>;
  readonly #received: M[] = [];
  readonly #waiters: Waiter<M>[] = [];
  #taken = 0;
  #starts = 0;

  constructor(id: string, options: ProbeOptions<M> = {}) {
    const { receive, mailbox } = options;
    this.id = id;
    this.spec = {
      type: 'actor',
      id,
      ...(mailbox !== undefined && { mailbox }),
      start: (context) => {
        this.#starts += 1;
        return {
          receive: async (message) => {
            await receive?.(message, context);
            this.#note(message);
          },
        };
      },
    };
  }

  /** Everything that it was told and has handled, in order. */
  get received(): readonly M[] {
    return this.#received;
  }

  /** Messages that no `next` has taken yet. */
  get waiting(): readonly M[] {
    return this.#received.slice(this.#taken);
  }

  /** How often it was started. */
  get starts(): number {
    return this.#starts;
  }

  /**
   * The next message that no `next` has taken, as soon as it was handled.
   * @param withinMs real time after which the test fails; default 5,000. A test that passes never waits for it.
   * @throws ProbeTimeout
   */
  next(withinMs = 5_000): Promise<M> {
    const { promise, resolve, reject } = Promise.withResolvers<M>();
    const timer = setTimeout(() => {
      this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
      reject(new ProbeTimeout(this.id, withinMs, this.#received.length));
    }, withinMs);
    const waiter: Waiter<M> = { resolve, cancelTimeout: () => clearTimeout(timer) };
    this.#waiters.push(waiter);
    this.#serve();
    return promise;
  }

  #note(message: M): void {
    this.#received.push(message);
    this.#serve();
  }

  #serve(): void {
    while (this.#waiters.length > 0 && this.#taken < this.#received.length) {
      const [message] = this.#received.slice(this.#taken, this.#taken + 1) as [M];
      const waiter = this.#waiters.shift();
      this.#taken += 1;
      waiter?.cancelTimeout();
      waiter?.resolve(message);
    }
  }
}
