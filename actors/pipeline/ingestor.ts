// The ingestor: reads an intake message, applies governance by source before anything is paid for, fetches and
// hashes the content, has it analysed off the event loop, and stores what later stages need.
import type { ActorSpec, Delivery } from '#runtime';
import { analysisPool } from '../kinds/analysis-pool.ts';
import type { Analysis, AnalysisPool } from '../kinds/kind.ts';
import { refusedSource } from '../rules/governance.ts';
import { judgeRefused } from '../rules/judge.ts';
import type { JudgingContext } from '../rules/judging-context.ts';
import { itemDigest, sha256Hex } from './canonical.ts';
import type { DatasetPorts } from './dataset-ports.ts';
import { type Envelope, type EnvelopeLimits, readEnvelope } from './envelope.ts';
import type { IntakeGate } from './intake-gate.ts';
import { ItemFailure, isDeadReason, PassingFailure } from './item-failure.ts';
import { blobKeys, type EmbedMessage, type JudgedMessage, type Payload } from './messages.ts';
import { type HopResult, type StageMessage, stageActor } from './stage.ts';

export interface IngestorOptions {
  readonly id: string;
  /** Paths of the analysis threads. */
  readonly threads: readonly string[];
  /** Longest time that analysing one item may take, in ms. */
  readonly analyseTimeoutMs: number;
  readonly judging: JudgingContext;
  readonly gate: IntakeGate;
}

/** One of the pool of ingestors; each handles one item at a time. */
export function ingestorActor(ports: DatasetPorts, options: IngestorOptions): ActorSpec<StageMessage> {
  return stageActor(ports, {
    stage: 'intake',
    id: options.id,
    maxBatch: 1,
    prefetch: 2,
    identify: (delivery) => ({
      sequence: delivery.sequence,
      id: delivery.header('Troupe-Id')?.slice(0, 1024) ?? idWithoutHeader(delivery, ports.config.limits),
    }),
    handler: (context) => {
      const pool = analysisPool(options.threads.map((path) => context.ref(path)));
      const ingestor = new Ingestor(ports, options, pool);
      return async (batch, signal) => {
        await options.gate.pass(signal);
        return Promise.all(batch.map((delivery) => ingestor.ingest(delivery, signal)));
      };
    },
  });
}

class Ingestor {
  readonly #ports: DatasetPorts;
  readonly #options: IngestorOptions;
  readonly #pool: AnalysisPool;

  constructor(ports: DatasetPorts, options: IngestorOptions, pool: AnalysisPool) {
    this.#ports = ports;
    this.#options = options;
    this.#pool = pool;
  }

  async ingest(delivery: Delivery, signal: AbortSignal): Promise<HopResult> {
    try {
      const envelope = readEnvelope(delivery, this.#ports.config.limits);
      const pattern = refusedSource(this.#ports.config.governance, envelope.source);
      if (pattern !== undefined) return await this.#refuse(delivery.sequence, envelope, pattern);
      return await this.#accept(delivery.sequence, envelope, signal);
    } catch (error) {
      if (error instanceof ItemFailure) return { failure: error };
      throw error;
    }
  }

  /** Governance by source costs neither a fetch nor a decode; an inline body is only hashed, for the item's name. */
  async #refuse(sequence: number, envelope: Envelope, pattern: string): Promise<HopResult> {
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
      judgement: judgeRefused(pattern),
      config: this.#options.judging.configDigest,
      versions: this.#options.judging.versions,
      edges: [],
    };
    return { effects: [{ stage: 'keep', sequence, message }] };
  }

  async #accept(sequence: number, envelope: Envelope, signal: AbortSignal): Promise<HopResult> {
    const bytes = await this.#readBody(envelope, signal);
    const content = sha256Hex(bytes);
    if (envelope.declaredSha256 !== undefined && envelope.declaredSha256 !== content) {
      throw new ItemFailure('sha256_mismatch', `expected sha256 ${envelope.declaredSha256}, got ${content}`);
    }
    const { facts, proxy } = await this.#analyse(bytes, signal);
    const id = envelope.id ?? content;
    const identity = { ...envelope, id, content };
    const item = itemDigest(identity);
    const { blobs } = this.#ports;
    const inline = envelope.body.type === 'inline';
    await Promise.all([
      inline ? blobs.put(blobKeys.content(content), bytes) : undefined,
      blobs.put(blobKeys.proxy(content), proxy),
      this.#storePayload(item, {
        ...identity,
        mediaType: facts.mediaType,
        location: envelope.body.type === 'reference' ? envelope.body.uri : `blob:${content}`,
      }),
    ]);
    this.#ports.faults.reach('intake.stored');
    const message: EmbedMessage = {
      sequence,
      item,
      id,
      source: envelope.source,
      time: envelope.time,
      metadataCount: Object.keys(envelope.metadata).length,
      facts,
      proxy,
    };
    return { effects: [{ stage: 'embed', sequence, message }] };
  }

  async #readBody(envelope: Envelope, signal: AbortSignal): Promise<Uint8Array> {
    const { maxBytes } = this.#ports.config.limits;
    const bytes =
      envelope.body.type === 'inline'
        ? envelope.body.bytes
        : await this.#ports.contents.read(envelope.body.uri, { maxBytes, signal });
    if (bytes.byteLength > maxBytes) {
      throw new ItemFailure('too_large', `expected at most ${maxBytes} bytes, got ${bytes.byteLength}`);
    }
    if (bytes.byteLength === 0) throw new ItemFailure('empty', 'expected content, got 0 bytes');
    return bytes;
  }

  async #analyse(bytes: Uint8Array, signal: AbortSignal): Promise<Analysis> {
    const { kind, config } = this.#ports;
    const { maxPixels, maxBytes } = config.limits;
    try {
      return await kind.analyse(
        this.#pool,
        { bytes, maxPixels, maxBytes },
        this.#options.analyseTimeoutMs,
        signal,
      );
    } catch (cause) {
      throw classifyAnalysis(cause);
    }
  }

  async #storePayload(item: string, payload: Payload & { readonly [key: string]: unknown }): Promise<void> {
    const { id, source, time, metadata, content, mediaType, location } = payload;
    const stored: Payload = { id, source, time, metadata, content, mediaType, location };
    await this.#ports.blobs.put(blobKeys.payload(item), this.#ports.codec.encode(stored));
  }
}

/** The id of an item whose header names none: the one in its JSON, or its content's digest; null if unreadable. */
function idWithoutHeader(delivery: Delivery, limits: EnvelopeLimits): string | null {
  try {
    const { id, body } = readEnvelope(delivery, limits);
    return id ?? (body.type === 'inline' ? sha256Hex(body.bytes) : null);
  } catch {
    return null;
  }
}

/** A coded answer is the item's fault; a dead or late thread may be bad luck, so the item is tried again. */
function classifyAnalysis(cause: unknown): unknown {
  if (!(cause instanceof Error)) return cause;
  if (cause.name === 'ThreadTimeout' || cause.name === 'AskTimeout') {
    return new PassingFailure('worker_timeout', 'analysis took longer than its limit', { cause });
  }
  if (cause.name === 'ThreadCrashed' || cause.name === 'ActorEnded' || cause.name === 'MailboxFull') {
    return new PassingFailure('worker_crashed', 'the analysis thread ended while it held the item', {
      cause,
    });
  }
  const code = (cause as { code?: unknown }).code;
  if (cause.name === 'AnalysisError' && isDeadReason(code)) {
    return new ItemFailure(code, cause.message, { cause });
  }
  return cause;
}
