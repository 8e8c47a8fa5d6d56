// One version of a served model: its sessions, and how many requests it has in hand. While a newer one takes its place it
// answers those, then its sessions end.
import type { DependencyContainer } from 'tsyringe';
import {
  EmbeddingPool,
  type EmbeddingSizing,
  embedThreadModule,
  imageKind,
  type ModelIdentity,
  VectorCache,
  type VectorCause,
  vectorGroup,
} from '#actors';
import { SharedCache } from '#nats';
import type { BreakerSnapshot, SystemEvent, SystemHappening } from '#runtime';
import { EMBEDDING_PROFILES } from '../config/embedding.ts';
import { modelBreaker } from './connect-breakers.ts';
import { type ModelStanding, modelStanding } from './model-standing.ts';
import { asModelFailure } from './resolve-model.ts';
import { TOKENS } from './tokens.ts';
import type { Forgotten } from './vector-sharing.ts';

export interface VersionOptions {
  readonly onEvent: (event: SystemEvent) => void;
  /** Its sessions used up their restarts. */
  readonly gaveUp: (error: Error) => void;
  /** The model ran for so many pictures at once. */
  readonly ran: (items: number) => void;
}

/** A vector, and what made it. */
export interface ServedVector {
  readonly vector: Float32Array;
  readonly cause: VectorCause;
  /** sha256 of the picture. */
  readonly content: string;
}

export class ServedVersion {
  readonly #identity: ModelIdentity;
  readonly #pool: EmbeddingPool;
  #underWay = 0;
  #idle: (() => void) | undefined;

  /** Resolves when the model is open in every session, which has tried it. @throws CommandError `config_invalid`; StartFailed */
  static async open(
    node: DependencyContainer,
    model: ModelIdentity,
    options: VersionOptions,
  ): Promise<ServedVersion> {
    const { config } = node.resolve(TOKENS.config);
    const { embedding, embedTimeoutMs, decodeTimeoutMs } = config.node;
    const [link, names] = [node.resolve(TOKENS.link), node.resolve(TOKENS.names)];
    const [clock, random] = [node.resolve(TOKENS.clock), node.resolve(TOKENS.random)];
    const emit = (happening: SystemHappening) => options.onEvent({ ...happening, atMs: clock.wallMs() });
    const path = `embed-${model.name}/sessions`;
    const sizing: EmbeddingSizing = {
      sessions: embedding.sessions,
      decodeThreads: 1,
      batch: embedding.batch ?? EMBEDDING_PROFILES[embedding.profile],
      delayMs: embedding.delayMs,
      latencyMs: embedding.latencyMs,
      waiting: embedding.waiting,
      embedTimeoutMs,
      decodeTimeoutMs,
      maxBytes: link.maxPayload,
      maxPixels: 100_000_000,
    };
    const pool = await EmbeddingPool.start({
      model,
      kind: imageKind,
      sessionModule: embedThreadModule(),
      sizing,
      memory: new VectorCache(embedding.memory),
      shared: new SharedCache(link, names.records.cache),
      breaker: modelBreaker({ path, config, model, clock, random, emit }),
      decodeBudget: node.resolve(TOKENS.decodeBudget),
      clock,
      random,
      log: node.resolve(TOKENS.log),
      onEvent: options.onEvent,
      ran: options.ran,
    }).catch((error: unknown) => {
      throw asModelFailure(error, model.name);
    });
    void pool.ended.then(({ reason, error = new Error(`the sessions of ${model.name} ended`) }) => {
      if (reason === 'restart_intensity') options.gaveUp(error);
    });
    return new ServedVersion(model, pool);
  }

  private constructor(model: ModelIdentity, pool: EmbeddingPool) {
    this.#identity = model;
    this.#pool = pool;
  }

  /** By which equal vectors are known: digest of the file, digest of what is done around it, precision as stored. */
  get made(): string {
    const { digest, recipe, precision } = this.#identity;
    return `${digest}/${recipe}/${precision}`;
  }

  /** In the system's registry; undefined for a model of the package or of a configuration. */
  get version(): string | undefined {
    return this.#identity.version;
  }

  get runs(): ModelStanding {
    return modelStanding(this.#identity);
  }

  /** Requests that its sessions take at once. */
  get capacity(): number {
    return this.#pool.capacity;
  }

  /** Requests that wait for a session. */
  get waiting(): number {
    return this.#pool.waiting;
  }

  /** The breaker before its sessions. */
  get breaker(): BreakerSnapshot {
    return this.#pool.breaker;
  }

  get standing(): object {
    return this.#pool.standing;
  }

  /** Requests by where their vectors came from. */
  get counts(): Readonly<Record<VectorCause, number>> {
    return this.#pool.embeddings.counts;
  }

  /** Whether it is what another identity of the model is. */
  is(model: ModelIdentity): boolean {
    const groupOf = (of: ModelIdentity) => vectorGroup({ model: of, kind: imageKind });
    return groupOf(model) === groupOf(this.#identity) && model.version === this.#identity.version;
  }

  /** @throws as `EmbeddingPool.embed` */
  async embed(bytes: Uint8Array, signal: AbortSignal): Promise<ServedVector> {
    this.#underWay += 1;
    try {
      return await this.#pool.embed(bytes, signal);
    } finally {
      this.#underWay -= 1;
      if (this.#underWay === 0) this.#idle?.();
    }
  }

  /** Keeps none of these vectors in memory. */
  forget(forgotten: Forgotten): void {
    const { embeddings } = this.#pool;
    if ('contents' in forgotten) embeddings.forget(forgotten.contents);
    else if ('all' in forgotten || forgotten.groups.includes(embeddings.group)) embeddings.forget();
  }

  /** Ends its sessions once what it has in hand is answered; nobody gives it more. */
  async retire(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    await this.#pool.stop();
  }

  /** Ends at once; what is not answered never will be. */
  stop(): Promise<void> {
    return this.#pool.stop();
  }
}
