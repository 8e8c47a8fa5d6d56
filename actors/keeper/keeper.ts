// The manifest keeper: the one writer of a dataset's ledger. It journals a verdict for each sequence, publishes
// outcomes from journaled cursors, and cuts manifests. Fenced: a former owner can append nothing.
import type {
  ActorContext,
  ActorSpec,
  Behaviour,
  Delivery,
  EventSourcedOptions,
  WorkSubscription,
} from '#runtime';
import { EventSourced, pause, StorageFull } from '#runtime';
import type { DatasetPorts } from '../pipeline/dataset-ports.ts';
import { keepMessageSchema } from '../pipeline/messages.ts';
import { GATHER_MS } from '../pipeline/stage.ts';
import { standDownWhenFenced } from '../pipeline/stand-down.ts';
import type { Tenure } from '../pipeline/tenure.ts';
import { type JudgingContext, judgingContext } from '../rules/judging-context.ts';
import { CutPolicy } from './cut-policy.ts';
import { Cuts, storedPayload } from './cuts.ts';
import { type ResolutionRequest, resolve } from './dead-fate.ts';
import type { EraseAnswer, EraseRequest } from './erase-request.ts';
import { ErasureDesk } from './erasure-desk.ts';
import { explain } from './explain.ts';
import { comparedMessages, journaledAs, keptItems, newVerdicts } from './keep-batch.ts';
import type {
  Comparing,
  CutAnswer,
  ExplainAnswer,
  FatesAnswer,
  KeeperAnswer,
  KeeperMessage,
  KeeperRequest,
  SettledAnswer,
} from './keeper-messages.ts';
import { Ledger } from './ledger.ts';
import { entryEvents, type LedgerEntry, type LedgerEvent } from './ledger-events.ts';
import { announceEntry } from './outcomes.ts';
import { outsideOf } from './outside.ts';
import { Replay } from './replay.ts';
import { RequestRefused } from './request-refused.ts';

/** Before what found no room in the journal is tried again. */
const ROOM_RETRY_MS = 1_000;
const MAX_BATCH = 256;
const MISSING_LISTED = 10_000;
const FAILURES_LISTED = 100;

/** Loads the ledger while another node owns it; the result is its keeper, to be started once. */
export async function prepareKeeper(
  ports: DatasetPorts,
  judging: JudgingContext,
): Promise<(epoch: number) => ActorSpec<KeeperMessage>> {
  const prepared = await EventSourced.prepare(storage(ports));
  return (epoch) => keeperActor(ports, judging, { epoch, prepared });
}

/** Actor that owns the dataset's ledger. */
export function keeperActor(
  ports: DatasetPorts,
  judging: JudgingContext,
  tenure: Tenure<Ledger> = {},
): ActorSpec<KeeperMessage> {
  let { prepared } = tenure;
  return {
    type: 'actor',
    id: 'keeper',
    mailbox: { capacity: 64, overflow: 'backpressure' },
    shutdownMs: 20_000,
    start: async (context) => {
      const recovery = { ...storage(ports), ...tenure, prepared, log: context.log };
      prepared = undefined;
      const store = await EventSourced.recover(recovery);
      const keeper = new Keeper(ports, judging, store, context);
      await keeper.open();
      return keeper;
    },
  };
}

function storage(ports: DatasetPorts): EventSourcedOptions<Ledger, LedgerEvent> {
  return {
    journal: ports.journal('keeper', 0),
    blobs: ports.snapshots,
    prefix: 'keeper',
    initial: () => new Ledger(),
    apply: (ledger, event) => ledger.apply(event),
    encodeSnapshot: (ledger) => ledger.encode(ports.codec),
    decodeSnapshot: (bytes) => Ledger.decode(ports.codec, bytes),
    faults: ports.faults,
  };
}

class Keeper implements Behaviour<KeeperMessage> {
  readonly #ports: DatasetPorts;
  readonly #store: EventSourced<Ledger, LedgerEvent>;
  readonly #context: ActorContext<KeeperMessage>;
  readonly #cuts: Cuts;
  readonly #policy: CutPolicy;
  readonly #replay: Replay;
  readonly #erasures: ErasureDesk;
  #subscription: WorkSubscription | undefined;
  #cancelQuiet: (() => void) | undefined;

  constructor(
    ports: DatasetPorts,
    judging: JudgingContext,
    store: EventSourced<Ledger, LedgerEvent>,
    context: ActorContext<KeeperMessage>,
  ) {
    this.#ports = ports;
    this.#store = store;
    this.#context = context;
    this.#cuts = new Cuts({
      ports,
      judging,
      ledger: () => this.#ledger,
      persist: (events) => this.#persistInTime(events),
    });
    this.#policy = new CutPolicy(ports.config.cut, store.state.cuts.at(-1)?.throughEntry ?? 0);
    this.#replay = new Replay({
      ports,
      ledger: () => this.#ledger,
      nextConfig:
        ports.next && judgingContext(ports.next.config, ports.next.kind, ports.next.model).configDigest,
      persist: (events) => this.#persistInTime(events),
    });
    this.#erasures = new ErasureDesk({
      ports,
      context,
      store,
      persist: (events) => this.#persistInTime(events),
      rows: () => this.#cuts.newestRows(),
    });
  }

  get #ledger(): Ledger {
    return this.#store.state;
  }

  /** Finishes what a former owner may have left half done, then takes work. */
  async open(): Promise<void> {
    this.#ports.meter.holds('ledger/keeper', this.#ledger.accountedBytes);
    const newest = this.#ledger.cuts.at(-1);
    if (newest !== undefined) this.#ports.meter.published(newest);
    await this.#announceEntries();
    await this.#cuts.announce();
    this.#subscription = await this.#ports.source('keep', this.#store.epoch).subscribe({
      maxBatch: MAX_BATCH,
      prefetch: MAX_BATCH * 2,
      gatherMs: GATHER_MS,
      deliver: (deliveries) => {
        this.#context.self.tell({ type: 'batch', deliveries });
      },
      failed: (error) => this.#context.crash(error),
    });
    await this.#replay.open();
    await this.#erasures.open();
    this.#subscription.demand();
    this.#awaitQuiet();
  }

  receive(message: KeeperMessage): Promise<void> {
    return standDownWhenFenced(this.#ports, this.#context.signal, () => this.#handle(message));
  }

  async #handle(message: KeeperMessage): Promise<void> {
    switch (message.type) {
      case 'batch':
        return this.#keepBusy(message.deliveries);
      case 'request':
        return this.#respond(message);
      case 'deleted':
        return this.#erasures.close(message.deleted, message.spared);
      case 'quiet':
        if (this.#policy.quietMs(this.#ledger.length) !== undefined && !this.#replay.holdsCuts) {
          await this.#cut();
        }
        return;
    }
  }

  async stopped(): Promise<void> {
    await this.#subscription?.close();
  }

  async #keepBusy(deliveries: readonly Delivery[]): Promise<void> {
    const rest = this.#ports.meter.working('keep');
    try {
      await this.#keep(deliveries);
    } finally {
      rest();
    }
  }

  /** One frame for the whole batch; acknowledged only when the journal holds it. */
  async #keep(deliveries: readonly Delivery[]): Promise<void> {
    const startedMs = this.#ports.clock.monotonicMs();
    const beganMs = this.#ports.clock.wallMs();
    const messages = deliveries.map(({ data }) => keepMessageSchema.parse(this.#ports.codec.decode(data)));
    const verdicts = newVerdicts(this.#ledger, messages);
    const compared = this.#replay.compared(comparedMessages(this.#ledger, messages));
    const events = [...entryEvents(verdicts), ...compared];
    if (events.length > 0) {
      events.unshift(...this.#erasures.newNames());
      const announced = this.#ledger.length;
      if (announced > this.#ledger.announced) events.unshift({ type: 'announced', through: announced });
      try {
        await this.#store.persist(events);
      } catch (error) {
        if (!(error instanceof StorageFull)) throw error;
        // The batch stays in hand, unacknowledged; requests are answered meanwhile.
        this.#context.log.warn({ err: error, messages: deliveries.length }, 'verdicts wait for room');
        this.#context.after(ROOM_RETRY_MS, { type: 'batch', deliveries });
        return;
      }
      this.#ports.faults.reach('keep.appended');
      await this.#announce(this.#ledger.slice(announced, this.#ledger.length));
    }
    for (const delivery of deliveries) delivery.ack();
    this.#ports.faults.reach('keep.acked');
    const { meter, tracer, clock } = this.#ports;
    tracer.kept(keptItems(deliveries, messages), beganMs);
    meter.holds('ledger/keeper', this.#ledger.accountedBytes);
    for (const { storedAtMs } of deliveries) meter.left('keep', clock.wallMs() - storedAtMs);
    meter.journaled(verdicts.map(journaledAs));
    meter.handled('keep', deliveries.length, clock.monotonicMs() - startedMs);
    if (events.length > 0) {
      await this.#replay.advance();
      this.#erasures.advance();
      await this.#cutByPolicy();
    }
    this.#subscription?.demand();
  }

  /** Something has settled: cuts if that makes so many, and waits anew for quiet. */
  async #cutByPolicy(): Promise<void> {
    if (this.#policy.isDue(this.#ledger.length) && !this.#replay.holdsCuts) await this.#cut();
    this.#awaitQuiet();
  }

  #awaitQuiet(): void {
    this.#cancelQuiet?.();
    const quietMs = this.#policy.quietMs(this.#ledger.length);
    this.#cancelQuiet = quietMs === undefined ? undefined : this.#context.after(quietMs, { type: 'quiet' });
  }

  /** A refused request is the asker's affair; every other failure is a crash of the keeper. */
  async #respond({ request, reply }: Extract<KeeperMessage, { type: 'request' }>): Promise<void> {
    try {
      reply.ok(await this.#answer(request));
    } catch (error) {
      if (!(error instanceof RequestRefused || error instanceof StorageFull)) throw error;
      reply.fail(error);
    }
  }

  async #announceEntries(): Promise<void> {
    const from = this.#ledger.announced;
    if (from < this.#ledger.length) await this.#announce(this.#ledger.slice(from, this.#ledger.length));
  }

  async #announce(entries: readonly LedgerEntry[]): Promise<void> {
    await Promise.all(entries.map((entry) => announceEntry(this.#ports, entry)));
  }

  #answer(request: KeeperRequest): Promise<KeeperAnswer> {
    switch (request.op) {
      case 'cut':
        return this.#replay.holdsCuts ? Promise.resolve({ comparing: this.#comparing }) : this.#cut();
      case 'settled':
        return Promise.resolve(this.#settled(request.through));
      case 'explain':
        return this.#explain(request.key);
      case 'derive':
        return this.#cuts.derive(request.number);
      case 'fates':
        return Promise.resolve(this.#fates(request.sequences));
      case 'resolve':
        return this.#resolve(request.resolutions);
      case 'outside':
        return Promise.resolve({ outside: outsideOf(this.#ledger, request.limit, request.manifest) });
      case 'items':
        return Promise.resolve({ entries: request.items.flatMap((item) => this.#ledger.item(item) ?? []) });
      case 'erase':
        return this.#erase(request);
      case 'erasing':
        return Promise.resolve(this.#erasures.standing);
    }
  }

  #fates(sequences: readonly number[]): FatesAnswer {
    return { fates: sequences.map((sequence) => ({ sequence, fate: this.#ledger.fate(sequence) })) };
  }

  async #resolve(requests: readonly ResolutionRequest[]): Promise<FatesAnswer> {
    const at = new Date(this.#ports.clock.wallMs()).toISOString();
    await this.#store.persist(resolve(this.#ledger, requests, at));
    return this.#fates(requests.map(({ sequence }) => sequence));
  }

  async #erase(request: EraseRequest): Promise<EraseAnswer> {
    const answer = await this.#erasures.erase(request);
    // Contents that were still to be compared may have been the last ones.
    await this.#replay.advance();
    return answer;
  }

  #settled(through: number): SettledAnswer {
    return {
      epoch: this.#store.epoch,
      counts: this.#ledger.counts(),
      accountedBytes: this.#ledger.accountedBytes,
      missing: this.#ledger.missing(through, MISSING_LISTED),
      comparing: this.#comparing,
    };
  }

  get #comparing(): Comparing {
    const { current, next, pending, failures, history } = this.#ledger.generations;
    const failed = [...failures].slice(0, FAILURES_LISTED);
    return {
      generation: current,
      next: next ?? null,
      pending: pending.size,
      failed: failures.size,
      failures: failed.map(([content, failure]) => ({ content, failure })),
      history,
    };
  }

  async #cut(): Promise<CutAnswer> {
    const throughEntry = this.#ledger.length;
    const answer = await this.#cuts.cut(throughEntry);
    this.#policy.cutAt(throughEntry);
    return answer;
  }

  /** Persists once there is room: a cut that has begun is finished before anything else. */
  async #persistInTime(events: readonly LedgerEvent[]): Promise<void> {
    const { signal } = this.#context;
    for (;;) {
      try {
        return await this.#store.persist(events);
      } catch (error) {
        if (!(error instanceof StorageFull) || signal.aborted) throw error;
        this.#context.log.warn({ err: error }, 'a cut waits for room');
        await pause(this.#ports.clock, ROOM_RETRY_MS, signal);
      }
    }
  }

  async #explain(key: string): Promise<ExplainAnswer> {
    const number = this.#ledger.cuts.at(-1)?.number;
    return explain(this.#ledger, key, {
      dedup: this.#ports.config.dedup,
      manifest: number === undefined ? null : { number, rows: await this.#cuts.newestRows() },
      payload: (item) => storedPayload(this.#ports, item),
    });
  }
}
