// The ingestor: reads an intake message, refuses by what is said of it before anything is paid for, fetches and
// hashes the content, has it analysed off the event loop unless it is known, and stores what later stages need.
import type { ActorContext, ActorSpec, ByteHold, Delivery } from '#runtime';
import { analysisPool } from '../kinds/analysis-pool.ts';
import type { AnalyseRequest, Analysis, AnalysisPool } from '../kinds/kind.ts';
import { judgeRefusal } from '../rules/judge.ts';
import type { JudgingContext } from '../rules/judging-context.ts';
import { analyseWithAttempts } from './analysis-attempts.ts';
import { itemDigest, sha256Hex } from './canonical.ts';
import type { DatasetPorts } from './dataset-ports.ts';
import { type Envelope, type EnvelopeLimits, readEnvelope } from './envelope.ts';
import type { ErasureGate } from './erasure-guard.ts';
import { FetchFailed, gaveUp, laterOf } from './fetch-failed.ts';
import { heldSequence } from './hop-headers.ts';
import type { IntakeGate } from './intake-gate.ts';
import { ItemFailure, PassingFailure } from './item-failure.ts';
import type { KnownContents } from './known-contents.ts';
import { blobKeys, type EmbedMessage, type JudgedMessage, type Judgement, type Payload } from './messages.ts';
import { type HopResult, type StageMessage, stageActor } from './stage.ts';

export interface IngestorOptions {
  readonly id: string;
  /** Paths of the analysis threads. */
  readonly threads: readonly string[];
  /** Longest time that analysing one item may take, in ms. */
  readonly analyseTimeoutMs: number;
  /** Heap of a thread on which a suspicious item is analysed alone, in MiB. */
  readonly analyseMemoryMb: number;
  readonly judging: JudgingContext;
  readonly gate: IntakeGate;
  /** Shared by all ingestors of a node: see `ErasureGate`. */
  readonly erasures: ErasureGate;
  /** Shared in the same way. */
  readonly known: KnownContents;
}

/** Until when an item's content is read, and which try of the item it is. */
interface Attempt {
  readonly signal: AbortSignal;
  readonly tries: number;
}

/** One of the pool of ingestors; each handles one item at a time. */
export function ingestorActor(ports: DatasetPorts, options: IngestorOptions): ActorSpec<StageMessage> {
  return stageActor(ports, {
    stage: 'intake',
    id: options.id,
    maxBatch: 1,
    prefetch: 2,
    identify: (delivery) => ({ sequence: delivery.sequence, id: idOf(delivery, ports.config.limits) }),
    handler: (context) => {
      const ingestor = new Ingestor(ports, options, context);
      return async (batch, signal) => {
        await options.gate.pass(signal);
        return Promise.all(batch.map((delivery) => ingestor.ingest(delivery, signal)));
      };
    },
  });
}

/**
 * One of those that take up items whose source may not be asked at once: each stays in the queue, in nobody's way and
 * without an attempt, until its time has come; then it is ingested like any other.
 */
export function heldIngestorActor(ports: DatasetPorts, options: IngestorOptions): ActorSpec<StageMessage> {
  const { limits } = ports.config;
  return stageActor(ports, {
    stage: 'held',
    diesAs: 'intake',
    id: options.id,
    maxBatch: 1,
    prefetch: 2,
    identify: (delivery) => ({ sequence: heldSequence(delivery), id: idOf(delivery, limits) }),
    holdMs: (delivery) => holdMs(ports, delivery),
    handler: (context) => {
      const ingestor = new Ingestor(ports, options, context);
      return async (batch, signal, { tries }) => {
        await options.gate.pass(signal);
        return Promise.all(batch.map((delivery) => ingestor.resume(delivery, signal, tries)));
      };
    },
  });
}

/** How long a held item must still wait: until the place that it needs may be asked, then for its source's rate. */
function holdMs({ config, contents, guard, rates }: DatasetPorts, delivery: Delivery): number {
  const key = String(heldSequence(delivery));
  const envelope = envelopeOf(delivery, config.limits);
  const waitMs =
    envelope?.body.type === 'reference' ? guard.waitMs(contents.placeOf?.(envelope.body.uri)) : 0;
  // One that has waited for its place as long as one may is taken up, to end.
  if (waitMs > 0) return guard.hasGivenUp(key) ? 0 : waitMs;
  // A message that cannot be read waits for nothing and dies at once.
  return rates.waitMs(envelope?.source ?? '', key);
}

class Ingestor {
  readonly #ports: DatasetPorts;
  readonly #options: IngestorOptions;
  readonly #pool: AnalysisPool;

  constructor(ports: DatasetPorts, options: IngestorOptions, context: ActorContext<StageMessage>) {
    this.#ports = ports;
    this.#options = options;
    this.#pool = analysisPool(
      options.threads.map((path) => context.ref(path)),
      ports.decodeBudget,
    );
  }

  /** An item from the intake stream. It is held back when its source is over its rate, or cannot give it now. */
  async ingest(delivery: Delivery, signal: AbortSignal): Promise<HopResult> {
    const { sequence } = delivery;
    const held = (attempts: number): HopResult => ({
      effects: [{ stage: 'held', sequence, original: delivery, attempts }],
    });
    try {
      const envelope = readEnvelope(delivery, this.#ports.config.limits);
      const refusal = judgeRefusal(envelope, this.#options.judging);
      if (refusal !== undefined) return await this.#refuse(sequence, envelope, refusal);
      if (isFetched(envelope) && !this.#ports.rates.tryTake(envelope.source)) return held(0);
      return await this.#accept(sequence, envelope, { signal, tries: 1 });
    } catch (error) {
      if (error instanceof ItemFailure) return { failure: error };
      if (!(error instanceof FetchFailed)) throw error;
      const { waitMs, attempt } = laterOf(error.failure, 1);
      this.#ports.rates.postpone(String(sequence), waitMs);
      return held(attempt === undefined ? 0 : 1);
    }
  }

  /** An item that was held back, whose time has come. */
  async resume(delivery: Delivery, signal: AbortSignal, tries: number): Promise<HopResult> {
    const { config, guard } = this.#ports;
    const sequence = heldSequence(delivery);
    const key = String(sequence);
    let isWaiting = false;
    try {
      const envelope = readEnvelope(delivery, config.limits);
      return await this.#accept(sequence, envelope, { signal, tries });
    } catch (error) {
      if (error instanceof ItemFailure) return { failure: error };
      if (!(error instanceof FetchFailed)) throw error;
      const later = laterOf(error.failure, tries);
      if (later.attempt === undefined && guard.hasGivenUp(key)) return { failure: gaveUp(error.failure) };
      isWaiting = later.attempt === undefined;
      return { later };
    } finally {
      if (!isWaiting) guard.forget(key);
    }
  }

  /** A refusal costs neither a fetch nor a decode; an inline body is only hashed, for the item's name. */
  async #refuse(sequence: number, envelope: Envelope, judgement: Judgement): Promise<HopResult> {
    const { body } = envelope;
    const content = body.type === 'inline' ? sha256Hex(body.bytes) : (envelope.declaredSha256 ?? null);
    const id = envelope.id ?? content ?? sha256Hex(body.type === 'reference' ? body.uri : '');
    const identity = { ...envelope, id, content };
    const item = itemDigest(identity);
    const location = body.type === 'reference' ? body.uri : '';
    await this.#storePayload(item, { ...identity, mediaType: null, location });
    const message: JudgedMessage = {
      type: 'judged',
      sequence,
      item,
      id,
      time: envelope.time,
      facts: null,
      vector: null,
      judgement,
      config: this.#options.judging.configDigest,
      versions: this.#options.judging.versions,
      generation: this.#ports.generation.number,
      edges: [],
    };
    return { effects: [{ stage: 'keep', sequence, message }] };
  }

  async #accept(sequence: number, envelope: Envelope, attempt: Attempt): Promise<HopResult> {
    const { body } = envelope;
    using hold = this.#ports.bodyBudget.open();
    const { content, analyse } = await this.#open(envelope, hold, attempt);
    await this.#options.erasures.pass({ content, sequence }, attempt.signal);
    using _inHand = await this.#options.known.takeInHand(content);
    const known = await this.#options.known.find(content);
    const { facts, proxy, modelProxy }: Analysis = known ?? (await analyse());
    // What was fetched is gone by now; an inline body is still to be stored.
    if (body.type === 'reference') hold.release();
    const id = envelope.id ?? content;
    const identity = { ...envelope, id, content };
    const item = itemDigest(identity);
    const { blobs, model } = this.#ports;
    const [fresh] = await Promise.all([
      known === undefined && blobs.put(blobKeys.proxy(content), proxy, this.#options.known.note(facts)),
      body.type === 'inline' ? blobs.put(blobKeys.content(content), body.bytes) : undefined,
      model.proxy && modelProxy && blobs.put(blobKeys.modelProxy(model.proxy.digest, content), modelProxy),
      this.#storePayload(item, {
        ...identity,
        mediaType: facts.mediaType,
        location: body.type === 'reference' ? body.uri : `blob:${content}`,
      }),
    ]);
    this.#ports.faults.reach('intake.stored');
    this.#ports.meter.examined(fresh);
    const message: EmbedMessage = {
      sequence,
      item,
      id,
      source: envelope.source,
      time: envelope.time,
      metadata: envelope.metadata,
      facts,
      proxy: model.proxy === undefined ? proxy : null,
      fresh,
    };
    return { effects: [{ stage: 'embed', sequence, message }] };
  }

  /** Reads the content. For analysis a fetched one is moved to the thread, and read again if that takes it away. */
  async #open(
    envelope: Envelope,
    hold: ByteHold,
    attempt: Attempt,
  ): Promise<{ readonly content: string; readonly analyse: () => Promise<Analysis> }> {
    let bytes: Uint8Array | undefined = await this.#readBody(envelope, hold, attempt);
    const content = sha256Hex(bytes);
    if (envelope.declaredSha256 !== undefined && envelope.declaredSha256 !== content) {
      throw new ItemFailure('sha256_mismatch', `expected sha256 ${envelope.declaredSha256}, got ${content}`);
    }
    const movable = envelope.body.type === 'reference';
    const take = async (): Promise<Pick<AnalyseRequest, 'bytes' | 'movable'>> => {
      const taken = bytes ?? (await this.#readBody(envelope, hold, attempt));
      if (bytes === undefined && sha256Hex(taken) !== content) {
        throw new PassingFailure('fetch_failed', 'the content changed while it was analysed');
      }
      bytes = movable ? undefined : taken;
      return { bytes: taken, movable };
    };
    return { content, analyse: () => this.#analyse(take, attempt.signal) };
  }

  async #readBody(envelope: Envelope, hold: ByteHold, attempt: Attempt): Promise<Uint8Array> {
    const { body } = envelope;
    const { maxBytes } = this.#ports.config.limits;
    const admit = (bytes: number) => hold.raise(bytes, attempt.signal);
    const tooLarge = (bytes: number) =>
      new ItemFailure('too_large', `expected at most ${maxBytes} bytes, got ${bytes}`);
    if (body.type === 'inline') {
      const { byteLength } = body.bytes;
      if (byteLength > maxBytes) throw tooLarge(byteLength);
      await admit(byteLength);
    }
    const bytes =
      body.type === 'inline'
        ? body.bytes
        : await this.#ports.contents
            .read(body.uri, { maxBytes, admit, ...attempt })
            .catch((error: unknown) => {
              throw error instanceof PassingFailure && isFetched(envelope) ? new FetchFailed(error) : error;
            });
    if (bytes.byteLength > maxBytes) throw tooLarge(bytes.byteLength);
    if (bytes.byteLength === 0) throw new ItemFailure('empty', 'expected content, got 0 bytes');
    return bytes;
  }

  async #analyse(
    take: () => Promise<Pick<AnalyseRequest, 'bytes' | 'movable'>>,
    signal: AbortSignal,
  ): Promise<Analysis> {
    const { kind, config, clock, model } = this.#ports;
    const { maxPixels, maxBytes } = config.limits;
    const { analyseTimeoutMs: timeoutMs, analyseMemoryMb: memoryMb } = this.#options;
    const options = { kind, pool: this.#pool, clock, timeoutMs, memoryMb };
    const modelProxy = model.proxy && { modelProxy: model.proxy.spec };
    const request = async () => ({ ...(await take()), maxPixels, maxBytes, ...modelProxy });
    const rest = this.#ports.meter.working('decode');
    try {
      return await analyseWithAttempts(options, request, signal);
    } finally {
      rest();
    }
  }

  async #storePayload(item: string, payload: Payload & { readonly [key: string]: unknown }): Promise<void> {
    const { id, source, time, metadata, content, mediaType, location } = payload;
    const stored: Payload = { id, source, time, metadata, content, mediaType, location };
    await this.#ports.blobs.put(blobKeys.payload(item), this.#ports.codec.encode(stored));
  }
}

/** Whether the content has to be asked for; uploads are in the system already. */
function isFetched({ body }: Envelope): boolean {
  return body.type === 'reference' && !body.uri.startsWith('obj:');
}

/** What the message says; undefined when it cannot be read. */
function envelopeOf(delivery: Delivery, limits: EnvelopeLimits): Envelope | undefined {
  try {
    return readEnvelope(delivery, limits);
  } catch {
    return undefined;
  }
}

function idOf(delivery: Delivery, limits: EnvelopeLimits): string | null {
  return delivery.header('Troupe-Id')?.slice(0, 1024) ?? idWithoutHeader(delivery, limits);
}

/** The id of an item whose header names none: the one in its JSON, or its content's digest; null if unreadable. */
function idWithoutHeader(delivery: Delivery, limits: EnvelopeLimits): string | null {
  const envelope = envelopeOf(delivery, limits);
  if (envelope === undefined) return null;
  const { id, body } = envelope;
  return id ?? (body.type === 'inline' ? sha256Hex(body.bytes) : null);
}
