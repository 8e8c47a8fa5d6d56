// One model that this node serves: its pool of sessions behind `troupe.embed.<model>`. Of several replicas the one with room
// gets a request, whichever it came to first.
import type { DependencyContainer } from 'tsyringe';
import { z } from 'zod';
import {
  EmbeddingPool,
  type EmbeddingSizing,
  embedThreadModule,
  imageKind,
  Overloaded,
  Replicas,
  Tenants,
  VectorCache,
} from '#actors';
import {
  type NatsLink,
  type ServiceAnswer,
  ServiceRefusal,
  type ServiceRequest,
  SharedCache,
  type SystemNames,
  serveNode,
  serveRequests,
} from '#nats';
import type { SystemEvent, SystemHappening } from '#runtime';
import { EMBEDDING_PROFILES } from '../config/embedding.ts';
import { plainModelName } from '../config/index.ts';
import { modelBreaker } from './connect-breakers.ts';
import { messageCodec } from './message-codec.ts';
import { type ModelStanding, modelStanding } from './model-standing.ts';
import { asModelFailure, modelContext, resolveModel } from './resolve-model.ts';
import { TOKENS } from './tokens.ts';
import { type Forgotten, onForgotten } from './vector-sharing.ts';

/** How often a replica tells its load, at most and at least. */
const LOAD_EVERY_MS = 50;
const LOAD_AT_LEAST_MS = 1_000;

export interface ServedModelOptions {
  /** Name of this node. */
  readonly node: string;
  /** Unique for this process. */
  readonly incarnation: string;
  readonly version: string;
  readonly onEvent: (event: SystemEvent) => void;
  /** The sessions of a model used up their restarts. */
  readonly gaveUp: (model: string, error: Error) => void;
}

const loadSchema = z.object({ node: z.string(), load: z.number(), capacity: z.number() });
const goneSchema = z.object({ node: z.string(), gone: z.literal(true) });
const messageSchema = z.union([goneSchema, loadSchema]);

/** A model and who may ask for its vectors. */
export class ServedModel {
  readonly name: string;
  readonly #link: NatsLink;
  readonly #names: SystemNames;
  readonly #pool: EmbeddingPool;
  readonly #tenants: Tenants;
  readonly #replicas: Replicas;
  readonly #model: string;
  readonly #runs: ModelStanding;
  readonly #node: string;
  readonly #over = new AbortController();
  readonly #ends: (() => void)[] = [];
  #underWay = 0;
  #hasLeft = false;
  #idle: (() => void) | undefined;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #cancelTelling: (() => void) | undefined;

  static async start(
    node: DependencyContainer,
    reference: string,
    options: ServedModelOptions,
  ): Promise<ServedModel> {
    const name = plainModelName(reference);
    const { config } = node.resolve(TOKENS.config);
    const { node: settings } = config;
    const { embedding } = settings;
    const [link, names, clock, random, log] = [
      node.resolve(TOKENS.link),
      node.resolve(TOKENS.names),
      node.resolve(TOKENS.clock),
      node.resolve(TOKENS.random),
      node.resolve(TOKENS.log),
    ];
    const use = { path: 'node.embedding.serve' };
    const model = { ...(await resolveModel(modelContext(node), use, reference)), name };
    const emit = (happening: SystemHappening) => options.onEvent({ ...happening, atMs: clock.wallMs() });
    const path = `embed-${name}/sessions`;
    const breaker = modelBreaker({ path, config, model, clock, random, emit });
    const sizing: EmbeddingSizing = {
      sessions: embedding.sessions,
      decodeThreads: 1,
      batch: embedding.batch ?? EMBEDDING_PROFILES[embedding.profile],
      delayMs: embedding.delayMs,
      latencyMs: embedding.latencyMs,
      waiting: embedding.waiting,
      embedTimeoutMs: settings.embedTimeoutMs,
      decodeTimeoutMs: settings.decodeTimeoutMs,
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
      breaker,
      decodeBudget: node.resolve(TOKENS.decodeBudget),
      clock,
      random,
      log,
      onEvent: options.onEvent,
    }).catch((error: unknown) => {
      throw asModelFailure(error, name);
    });
    void pool.ended.then(({ reason, error = new Error(`the sessions of ${name} ended`) }) => {
      if (reason === 'restart_intensity') options.gaveUp(name, error);
    });
    return new ServedModel(name, {
      ...options,
      link,
      names,
      pool,
      perTenant: embedding.perTenant,
      model: `${model.digest}/${model.recipe}/${model.precision}`,
      runs: modelStanding(model),
    });
  }

  private constructor(
    name: string,
    parts: ServedModelOptions & {
      readonly link: NatsLink;
      readonly names: SystemNames;
      readonly pool: EmbeddingPool;
      readonly perTenant: number;
      readonly model: string;
      readonly runs: ModelStanding;
    },
  ) {
    const { link, names, node } = parts;
    this.name = name;
    this.#link = link;
    this.#names = names;
    this.#pool = parts.pool;
    this.#model = parts.model;
    this.#runs = parts.runs;
    this.#node = node;
    this.#tenants = new Tenants(parts.perTenant);
    this.#replicas = new Replicas(node, link.clock);
    const { subjects } = names;
    const handle = (request: ServiceRequest) => this.#handle(request);
    this.#ends.push(
      link.subscribe(subjects.embedLoads(name), ({ data }) => this.#heard(data)),
      onForgotten({ link, names }, (forgotten) => this.#forget(forgotten)),
      serveRequests(link, subjects.askEmbed(name, node), handle, { self: node }),
      serveRequests(link, subjects.embed(name), handle, { queue: 'embed', self: node }),
      serveNode(link, {
        name: names.embedService(name),
        id: parts.incarnation,
        version: parts.version,
        description: `vectors by the model ${name}, on ${subjects.embed(name)}`,
        metadata: { node, model: parts.model, subject: subjects.embed(name) },
        statsData: () => this.standing,
      }),
    );
    this.#tell();
  }

  get standing(): object {
    return {
      ...this.#pool.standing,
      model: this.#runs,
      replicas: this.#replicas.others.length + 1,
      tenants: Object.fromEntries(this.#tenants.underWay),
    };
  }

  /** Takes no more requests, and resolves when those that it has are answered. */
  async drain(): Promise<void> {
    this.#leave();
    this.#link.publishCore(
      this.#names.subjects.embedLoads(this.name),
      messageCodec.encode({ node: this.#node, gone: true }),
    );
    if (this.#underWay > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
  }

  /** Ends at once; what is not answered never will be. */
  async end(): Promise<void> {
    this.#leave();
    this.#over.abort(new Error('the node stops'));
    await this.#pool.stop();
  }

  #leave(): void {
    for (const end of this.#ends.splice(0)) end();
    this.#cancelTelling?.();
    this.#hasLeft = true;
  }

  async #handle(request: ServiceRequest): Promise<ServiceAnswer> {
    const own = { load: this.#underWay, capacity: this.#pool.capacity };
    const chosen = request.forwarded ? this.#node : this.#replicas.choose(own);
    if (chosen !== this.#node) return { forwardTo: this.#names.subjects.askEmbed(this.name, chosen) };
    using place = this.#tenants.enter(request.header('Troupe-Tenant') ?? 'default');
    if (place === undefined) {
      throw new ServiceRefusal(429, 'this tenant has all of its requests under way', { retryAfterMs: 50 });
    }
    this.#underWay += 1;
    this.#tellSoon();
    try {
      return await this.#embed(request);
    } catch (error) {
      throw refusalOf(error);
    } finally {
      this.#underWay -= 1;
      this.#tellSoon();
      if (this.#underWay === 0) this.#idle?.();
    }
  }

  async #embed({ data, header }: ServiceRequest): Promise<ServiceAnswer> {
    if (data.length === 0) throw new ServiceRefusal(400, 'expected the bytes of a picture, got nothing');
    const { vector, cause, content } = await this.#pool.embed(new Uint8Array(data), this.#over.signal);
    const headers = {
      'Troupe-Model': this.#model,
      'Troupe-Content': content,
      'Troupe-Cause': cause,
      'Troupe-Dimension': String(vector.length),
    };
    if (header('Accept') === 'application/json') {
      const json = { model: this.#model, content, cause, vector: [...vector] };
      return {
        data: Buffer.from(JSON.stringify(json)),
        headers: { ...headers, 'Content-Type': 'application/json' },
      };
    }
    return { data: new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength), headers };
  }

  /** Others have deleted these vectors: none of them stays in memory. */
  #forget(forgotten: Forgotten): void {
    const { embeddings } = this.#pool;
    if ('contents' in forgotten) embeddings.forget(forgotten.contents);
    else if ('all' in forgotten || forgotten.groups.includes(embeddings.group)) embeddings.forget();
  }

  #heard(data: Uint8Array): void {
    const message = messageSchema.safeParse(messageCodec.decode(data));
    if (!message.success) return;
    if ('gone' in message.data) this.#replicas.left(message.data.node);
    else this.#replicas.heard(message.data);
  }

  #tellSoon(): void {
    if (this.#hasLeft) return;
    const { clock } = this.#link;
    const dueMs = this.#toldAtMs + LOAD_EVERY_MS - clock.monotonicMs();
    if (dueMs <= 0) this.#tell();
    else if (dueMs < LOAD_EVERY_MS) this.#tellIn(dueMs);
  }

  #tellIn(delayMs: number): void {
    this.#cancelTelling?.();
    this.#cancelTelling = this.#link.clock.schedule(delayMs, () => this.#tell());
  }

  #tell(): void {
    if (this.#hasLeft) return;
    const load = { node: this.#node, load: this.#underWay, capacity: this.#pool.capacity };
    this.#link.publishCore(this.#names.subjects.embedLoads(this.name), messageCodec.encode(load));
    this.#toldAtMs = this.#link.clock.monotonicMs();
    this.#tellIn(LOAD_AT_LEAST_MS);
  }
}

/** What the asker is told. */
function refusalOf(error: unknown): ServiceRefusal {
  if (error instanceof ServiceRefusal) return error;
  if (error instanceof Overloaded) {
    return new ServiceRefusal(429, error.message, { cause: error, retryAfterMs: error.retryAfterMs });
  }
  const { name, code, message } = error as Error & { readonly code?: string };
  const text = code === undefined ? String(message) : `${code}: ${message}`;
  return new ServiceRefusal(name === 'ItemFailure' ? 400 : 503, text, { cause: error });
}
