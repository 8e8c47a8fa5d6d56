// The replayer: compares contents of the ledger anew, in the generation of the index that is being made or in the present
// one, under that generation's configuration: their vectors are made where the model is another, from the copies that
// are kept or else from the originals. What it finds goes to the keeper.
import type { ActorContext, ActorSpec, ThreadCall } from '#runtime';
import { comparesVectors } from '../dedup/relation.ts';
import { analysisPool } from '../kinds/analysis-pool.ts';
import type { AnalysisPool } from '../kinds/kind.ts';
import { analyseWithAttempts } from './analysis-attempts.ts';
import { ContentClaims } from './content-claims.ts';
import type { DatasetPorts } from './dataset-ports.ts';
import { CLAIM_BATCH } from './desk.ts';
import { embedContents, storedPicture } from './embed-contents.ts';
import { type EmbedCall, GuardedSession } from './guarded-session.ts';
import { ItemFailure, PassingFailure } from './item-failure.ts';
import {
  blobKeys,
  type ComparedMessage,
  payloadSchema,
  type ReplayMessage,
  replayMessageSchema,
} from './messages.ts';
import { queuedItem } from './queued-item.ts';
import { type HopResult, type StageMessage, stageActor } from './stage.ts';

export interface ReplayerOptions {
  readonly id: string;
  /** Paths of the index shards by their numbers. */
  readonly shardPath: (shard: number) => string;
  /** Path of the session of the model of these ports. */
  readonly session: (ports: DatasetPorts) => string;
  /** Paths of threads that read originals again. */
  readonly threads: readonly string[];
  readonly askTimeoutMs: number;
  /** Longest time of one run of the model. */
  readonly embedTimeoutMs: number;
  /** Longest time that analysing one original may take, in ms, and the heap of its thread in MiB. */
  readonly analyseTimeoutMs: number;
  readonly analyseMemoryMb: number;
}

interface Limits {
  readonly signal: AbortSignal;
  readonly limitFactor: number;
}

export function replayerActor(ports: DatasetPorts, options: ReplayerOptions): ActorSpec<StageMessage> {
  const queued = queuedItem(ports.codec, replayMessageSchema);
  return stageActor(ports, {
    stage: 'replay',
    id: options.id,
    maxBatch: CLAIM_BATCH,
    prefetch: 2 * CLAIM_BATCH,
    identify: queued.identify,
    handler: (context) => {
      const generations = new Map(
        [ports, ports.next].flatMap((each) =>
          each === undefined ? [] : [[each.generation.number, new Generation(each, options, context)]],
        ),
      );
      const newest = Math.max(...generations.keys());
      return async (batch, signal, { limitFactor }) => {
        const messages = batch.map(queued.read);
        if (messages.some(({ generation }) => generation > newest)) {
          const message = 'this node does not know yet of the generation that contents are compared in';
          throw new PassingFailure('shard_unavailable', message, { failureClass: 'recoverable' });
        }
        const compared = new Map<ReplayMessage, ComparedMessage>();
        for (const [number, generation] of generations) {
          const own = messages.filter((message) => message.generation === number);
          if (own.length === 0) continue;
          for (const [at, result] of (await generation.compare(own, { signal, limitFactor })).entries()) {
            compared.set(own[at] as ReplayMessage, result);
          }
        }
        return messages.map((message): HopResult => {
          const result = compared.get(message);
          // Of a generation that was given up nobody wants to know any more.
          if (result === undefined) return { effects: [] };
          const as = `compared-${message.generation}`;
          return { effects: [{ stage: 'keep', sequence: message.sequence, message: result, as }] };
        });
      };
    },
  });
}

/** Contents compared under one configuration. */
class Generation {
  readonly #ports: DatasetPorts;
  readonly #options: ReplayerOptions;
  readonly #claims: ContentClaims;
  readonly #session: GuardedSession;
  readonly #pool: AnalysisPool | undefined;

  constructor(ports: DatasetPorts, options: ReplayerOptions, context: ActorContext<StageMessage>) {
    const { base } = ports.generation;
    const paths = Array.from({ length: ports.config.shards }, (_, at) => options.shardPath(base + at));
    this.#ports = ports;
    this.#options = options;
    this.#claims = new ContentClaims(ports, context, paths);
    this.#session = new GuardedSession({
      ref: context.ref<EmbedCall>(options.session(ports)),
      breaker: ports.modelBreaker,
      timeoutMs: options.embedTimeoutMs,
    });
    const threads = options.threads.map((path) => context.ref<ThreadCall<unknown, unknown>>(path));
    this.#pool = threads.length === 0 ? undefined : analysisPool(threads, ports.decodeBudget);
  }

  async compare(messages: readonly ReplayMessage[], limits: Limits): Promise<readonly ComparedMessage[]> {
    const failures = await this.#embed(messages, limits);
    const needed = comparesVectors(this.#ports.config.dedup);
    const comparable = messages.filter(({ facts }) => !needed || !failures.has(facts.content));
    const edges = await this.#claims.claim(
      comparable.map(({ facts }) => facts),
      { signal: limits.signal, timeoutMs: this.#options.askTimeoutMs * limits.limitFactor },
    );
    return messages.map(({ generation, facts: { content } }) => ({
      type: 'compared',
      generation,
      content,
      edges: [...(edges.get(content) ?? [])],
      failure: failures.get(content) ?? null,
    }));
  }

  /** Makes the vectors that are lacking; answers which contents can have none, and why. */
  async #embed(
    messages: readonly ReplayMessage[],
    { signal, limitFactor }: Limits,
  ): Promise<ReadonlyMap<string, string>> {
    const failures = new Map<string, string>();
    const pictures = new Map<string, Uint8Array>();
    const { model } = this.#ports;
    for (const message of messages) {
      const { content } = message.facts;
      if (pictures.has(content) || failures.has(content)) continue;
      try {
        const picture =
          (await storedPicture(this.#ports, content)) ?? (await this.#fromOriginal(message, signal));
        pictures.set(content, picture);
      } catch (error) {
        if (!(error instanceof ItemFailure)) throw error;
        failures.set(content, `${error.code}: ${error.message}`);
      }
    }
    const contents = [...pictures].map(([content, picture]) => ({
      content,
      fresh: false,
      picture: async () => picture,
    }));
    const perRun = Math.max(1, Math.floor(model.batch / limitFactor));
    const counts = await embedContents(this.#ports, contents, (missing) =>
      this.#session.embed(missing, perRun, signal),
    );
    this.#ports.meter.embedded(counts);
    return failures;
  }

  /** The copy for the model, made anew from the original. @throws ItemFailure, PassingFailure */
  async #fromOriginal({ item, facts }: ReplayMessage, signal: AbortSignal): Promise<Uint8Array> {
    const { blobs, model, kind, config, clock } = this.#ports;
    const { maxPixels, maxBytes } = config.limits;
    if (this.#pool === undefined) throw new ItemFailure('not_found', 'its copy for the model is gone');
    const bytes = await this.#original(item, facts.content, signal);
    const { analyseTimeoutMs: timeoutMs, analyseMemoryMb: memoryMb } = this.#options;
    const request = async () => ({
      bytes,
      maxPixels,
      maxBytes,
      ...(model.proxy && { modelProxy: model.proxy.spec }),
    });
    const options = { kind, pool: this.#pool, clock, timeoutMs, memoryMb };
    const { facts: found, proxy, modelProxy } = await analyseWithAttempts(options, request, signal);
    if (found.content !== facts.content) {
      const message = `expected content ${facts.content} where it came from, got ${found.content}`;
      throw new ItemFailure('sha256_mismatch', message);
    }
    if (model.proxy === undefined || modelProxy === undefined) {
      await blobs.put(blobKeys.proxy(facts.content), proxy);
      return proxy;
    }
    await blobs.put(blobKeys.modelProxy(model.proxy.digest, facts.content), modelProxy);
    return modelProxy;
  }

  async #original(item: string, content: string, signal: AbortSignal): Promise<Uint8Array> {
    const { blobs, codec, contents, config } = this.#ports;
    const stored = await blobs.get(blobKeys.content(content));
    if (stored !== undefined) return stored;
    const payload = await blobs.get(blobKeys.payload(item));
    const location = payload && payloadSchema.parse(codec.decode(payload)).location;
    if (location === undefined || location === '' || location.startsWith('blob:')) {
      throw new ItemFailure('not_found', `neither a copy nor the original of content ${content} is left`);
    }
    using hold = this.#ports.bodyBudget.open();
    const admit = (size: number) => hold.raise(size, signal);
    return await contents.read(location, { maxBytes: config.limits.maxBytes, signal, admit });
  }
}
