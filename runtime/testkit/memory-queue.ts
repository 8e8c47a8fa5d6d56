// A work queue in memory that redelivers, counts deliveries and settles each once, as the durable one does.
import type { Clock, Delivery, WorkSource, WorkSubscription } from '../ports.ts';

/** A message as it is put into a queue. */
export interface QueuedMessage {
  readonly data: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** Earlier deliveries that the queue has counted; default 0. */
  readonly deliveries?: number;
}

interface Entry {
  readonly sequence: number;
  readonly message: QueuedMessage;
  deliveries: number;
  state: 'waiting' | 'held' | 'acked' | 'terminated';
}

/** A work queue in memory: what is given back comes again, what is settled twice is settled once. */
export class MemoryQueue implements WorkSource {
  readonly #entries: Entry[] = [];
  readonly #clock: Clock;
  readonly #name: string;
  readonly #trace: string[] | undefined;
  #subscriber: (Parameters<WorkSource['subscribe']>[0] & { wanted: number }) | undefined;

  constructor(options: { readonly clock: Clock; readonly name: string; readonly trace?: string[] }) {
    this.#clock = options.clock;
    this.#name = options.name;
    this.#trace = options.trace;
  }

  /** Adds messages as one batch, as far as the subscriber's own limit allows. */
  add(...messages: readonly QueuedMessage[]): void {
    for (const message of messages) {
      const { deliveries = 0 } = message;
      this.#entries.push({ sequence: this.#entries.length + 1, message, deliveries, state: 'waiting' });
    }
    this.#serve();
  }

  async subscribe(options: Parameters<WorkSource['subscribe']>[0]): Promise<WorkSubscription> {
    const subscriber = { ...options, wanted: 0 };
    this.#subscriber = subscriber;
    return {
      demand: () => {
        subscriber.wanted += 1;
        this.#serve();
      },
      close: async () => {
        if (this.#subscriber === subscriber) this.#subscriber = undefined;
      },
    };
  }

  /** Breaks the subscription, as a lost consumer does. */
  fail(error: Error): void {
    this.#subscriber?.failed(error);
  }

  /** Batches that the present subscriber has asked for and not been given. */
  get demands(): number {
    return this.#subscriber?.wanted ?? 0;
  }

  /** Sequences in a state, ascending. */
  inState(state: Entry['state']): readonly number[] {
    return this.#entries.filter((entry) => entry.state === state).map(({ sequence }) => sequence);
  }

  /** Sequences of the oldest message that is not done (above `last` where there is none), and of the newest one. */
  get standing(): { readonly first: number; readonly last: number } {
    const open = this.#entries.find(({ state }) => state === 'waiting' || state === 'held');
    return { first: open?.sequence ?? this.#entries.length + 1, last: this.#entries.length };
  }

  /** How often each message was delivered, in order. */
  get deliveryCounts(): readonly number[] {
    return this.#entries.map(({ deliveries }) => deliveries);
  }

  #serve(): void {
    const subscriber = this.#subscriber;
    if (subscriber === undefined || subscriber.wanted === 0) return;
    const due = this.#entries.filter(({ state }) => state === 'waiting').slice(0, subscriber.maxBatch);
    if (due.length === 0) return;
    subscriber.wanted -= 1;
    subscriber.deliver(due.map((entry) => this.#deliver(entry)));
  }

  #deliver(entry: Entry): Delivery {
    entry.deliveries += 1;
    entry.state = 'held';
    let settled = false;
    const settle = (line: string, action: () => void) => {
      if (settled) return;
      settled = true;
      this.#trace?.push(`${line} ${this.#name} ${entry.sequence}`);
      action();
    };
    return {
      subject: this.#name,
      sequence: entry.sequence,
      deliveries: entry.deliveries,
      storedAtMs: this.#clock.wallMs(),
      data: entry.message.data,
      header: (name) => entry.message.headers?.[name],
      ack: () => settle('ack', () => this.#settled(entry, 'acked')),
      term: () => settle('term', () => this.#settled(entry, 'terminated')),
      nak: (delayMs) =>
        settle('nak', () => {
          const again = () => {
            entry.state = 'waiting';
            this.#serve();
          };
          if (delayMs === 0) again();
          else this.#clock.schedule(delayMs, again);
        }),
    };
  }

  #settled(entry: Entry, state: 'acked' | 'terminated'): void {
    entry.state = state;
  }
}
