// Stand-ins in memory for the durable ports of a dataset's actors: work queues that redeliver, a publisher that
// stores an id once, records by compare-and-set. Deterministic: nothing happens but by a call or the manual clock.
import {
  type Clock,
  type Codec,
  type Delivery,
  type DurablePublisher,
  type FaultPoints,
  ManualClock,
  MemoryBlobs,
  MemoryJournal,
  type OutgoingMessage,
  type PublishReceipt,
  type RecordStore,
  silentLogger,
  type WorkSource,
  type WorkSubscription,
} from '#runtime';
import { datasetConfigSchema } from '../../actors/config/index.ts';
import { imageKind } from '../../actors/image/kind.ts';
import type { Kind } from '../../actors/kinds/kind.ts';
import type {
  ContentSource,
  DatasetPorts,
  ModelIdentity,
  Stage,
} from '../../actors/pipeline/dataset-ports.ts';
import { type SourceRate, SourceRates } from '../../actors/sources/source-rates.ts';
import { decode, encode } from '../../nats/codec.ts';

/** A model that is never opened. */
export const MEMORY_MODEL: ModelIdentity = {
  name: 'tiny',
  digest: 'd'.repeat(64),
  recipe: 'e'.repeat(64),
  precision: 'f32',
  dimension: 1,
  batch: 32,
  session: {},
};

/** The codec of internal messages. */
export const memoryCodec: Codec = { encode, decode };

/** Records in memory; revisions grow over all keys. */
export class MemoryRecords implements RecordStore {
  readonly #records = new Map<string, { readonly value: Uint8Array; readonly revision: number }>();
  readonly #trace: string[] | undefined;
  #revision = 0;

  /** `trace` gets a line for each change. */
  constructor(trace?: string[]) {
    this.#trace = trace;
  }

  async get(key: string): Promise<{ readonly value: Uint8Array; readonly revision: number } | undefined> {
    return this.#records.get(key);
  }

  async compareAndSet(key: string, value: Uint8Array, revision: number): Promise<number | undefined> {
    if ((this.#records.get(key)?.revision ?? 0) !== revision) return undefined;
    this.#revision += 1;
    this.#records.set(key, { value: Uint8Array.from(value), revision: this.#revision });
    this.#trace?.push(`record ${key}`);
    return this.#revision;
  }

  async delete(key: string): Promise<void> {
    this.#records.delete(key);
    this.#trace?.push(`forget ${key}`);
  }

  async keys(): Promise<readonly string[]> {
    return [...this.#records.keys()];
  }

  /** A record's value as text. */
  text(key: string): string | undefined {
    const record = this.#records.get(key);
    return record && Buffer.from(record.value).toString();
  }
}

/** All outcomes share a stream; every other subject has one of its own. */
function streamOf(subject: string): string {
  return subject.startsWith('outcome.') ? 'outcome' : subject;
}

/** A publisher in memory: a stream stores each id once. */
export class MemoryPublisher implements DurablePublisher {
  /** Everything that was asked for, repetitions included, in order. */
  readonly attempts: OutgoingMessage[] = [];
  /** What the subjects store. */
  readonly stored: OutgoingMessage[] = [];
  /** Refuses a publish by an error, or holds it until the promise resolves. */
  intercept: (message: OutgoingMessage) => Error | Promise<void> | undefined = () => undefined;
  readonly #trace: string[] | undefined;

  constructor(trace?: string[]) {
    this.#trace = trace;
  }

  async publish(message: OutgoingMessage, signal?: AbortSignal): Promise<PublishReceipt> {
    this.attempts.push(message);
    const hindrance = this.intercept(message);
    if (hindrance instanceof Error) throw hindrance;
    await hindrance;
    signal?.throwIfAborted();
    const stream = streamOf(message.subject);
    const duplicate =
      message.id !== undefined &&
      this.stored.some(({ subject, id }) => streamOf(subject) === stream && id === message.id);
    if (!duplicate) this.stored.push(message);
    this.#trace?.push(`publish ${message.subject}`);
    return { stream, sequence: this.stored.length, duplicate };
  }

  /** Messages stored on a subject. */
  on(subject: string): readonly OutgoingMessage[] {
    return this.stored.filter((message) => message.subject === subject);
  }
}

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

/** Throws once at a named place: a crash of the actor exactly there. */
export class CrashPoint implements FaultPoints {
  readonly #places: string[];
  /** Places that were passed, in order. */
  readonly reached: string[] = [];

  /** A crash at each of `places`, in the order in which they are met; a place named twice crashes twice. */
  constructor(...places: readonly string[]) {
    this.#places = [...places];
  }

  reach(place: string): void {
    this.reached.push(place);
    const at = this.#places.indexOf(place);
    if (at === -1) return;
    this.#places.splice(at, 1);
    throw new Error(`crash at ${place}`);
  }
}

/**
 * A kind whose proxies are single numbers: two contents are as far apart as their first bytes, over 255. Score is
 * the signal `sharpness` where the weights are `sharpnessAlone`; quality is the signal `area`.
 */
export const numberKind: Kind = {
  name: 'number',
  version: 'number@1',
  analyserModule: new URL('file:///nowhere'),
  analyse: () => Promise.reject(new Error('this kind analyses nothing')),
  radii: ({ phashRadius }) => ({ phash: phashRadius }),
  verify: (a, b) => ({ distance: Math.abs((a[0] ?? 0) - (b[0] ?? 0)) / 255, algorithm: 'number@1' }),
  signals: imageKind.signals,
  quality: ({ signals }) => [Number(signals.area ?? 0)],
};

/** Weights by which the score is the signal `sharpness`. */
export const sharpnessAlone = {
  resolution: { weight: 0 },
  sharpness: { weight: 1, value: 'signals.sharpness' },
  entropy: { weight: 0 },
};

export interface MemoryDataset {
  readonly ports: DatasetPorts;
  readonly clock: ManualClock;
  readonly trace: string[];
  readonly publisher: MemoryPublisher;
  readonly attempts: MemoryRecords;
  readonly heads: MemoryRecords;
  readonly blobs: MemoryBlobs;
  readonly snapshots: MemoryBlobs;
  readonly manifests: MemoryBlobs;
  readonly fencedBy: Error[];
  queue(stage: Stage): MemoryQueue;
  /** The journal as a whole; each `ports.journal` call gives a handle of its own. */
  journal(actor: 'index' | 'keeper', shard: number): MemoryJournal;
}

/** The ports of a dataset `photos` of numbers, all in memory. */
export function memoryDataset(
  options: {
    readonly config?: Readonly<Record<string, unknown>>;
    readonly faults?: FaultPoints;
    readonly clock?: ManualClock;
    readonly rates?: readonly SourceRate[];
    readonly contents?: ContentSource;
    readonly kind?: Kind;
  } = {},
): MemoryDataset {
  const clock = options.clock ?? new ManualClock();
  const trace: string[] = [];
  const queues = new Map<Stage, MemoryQueue>();
  const journals = new Map<string, MemoryJournal>();
  const queue = (stage: Stage): MemoryQueue => {
    const known = queues.get(stage) ?? new MemoryQueue({ clock, name: stage, trace });
    queues.set(stage, known);
    return known;
  };
  const journal = (actor: string, shard: number): MemoryJournal => {
    const name = `${actor}.${shard}`;
    const known = journals.get(name) ?? new MemoryJournal();
    journals.set(name, known);
    return known;
  };
  const publisher = new MemoryPublisher(trace);
  const attempts = new MemoryRecords(trace);
  const heads = new MemoryRecords();
  const blobs = new MemoryBlobs();
  const snapshots = new MemoryBlobs();
  const manifests = new MemoryBlobs();
  const fencedBy: Error[] = [];
  const config = datasetConfigSchema.parse({
    rules: { weights: sharpnessAlone },
    ...options.config,
  });
  const ports: DatasetPorts = {
    dataset: 'photos',
    kind: options.kind ?? numberKind,
    config,
    incarnation: 'inc',
    subjects: {
      work: (stage) => `work.${stage}`,
      dead: (stage) => `dead.${stage}`,
      outcome: (outcome) => `outcome.${outcome}`,
    },
    codec: memoryCodec,
    publisher,
    source: queue,
    journal: (actor, shard) => journal(actor, shard).rival(),
    blobs,
    snapshots,
    manifests,
    vectors: new MemoryBlobs(),
    heads,
    attempts,
    rates: new SourceRates({ rates: options.rates ?? [], clock }),
    contents: options.contents ?? { read: () => Promise.reject(new Error('no contents are read here')) },
    clock,
    faults: options.faults ?? new CrashPoint(),
    model: MEMORY_MODEL,
    meter: { handled: () => {} },
    log: silentLogger,
    fenced: (error) => void fencedBy.push(error),
  };
  return {
    ports,
    clock,
    trace,
    publisher,
    attempts,
    heads,
    blobs,
    snapshots,
    manifests,
    fencedBy,
    queue,
    journal,
  };
}
