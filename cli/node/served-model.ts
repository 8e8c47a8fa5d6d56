// One model that this node serves: its sessions behind `troupe.embed.<model>`. Of several replicas the one with room gets a
// request, whichever it came to first. When another version is to be served, that one is opened beside the present one, takes
// its place at once, and the former one answers what it has in hand.
import type { DependencyContainer } from 'tsyringe';
import { z } from 'zod';
import {
  type EmbedMeter,
  type ModelIdentity,
  meters,
  Overloaded,
  Replicas,
  type RequestEnd,
  type RequestOutcome,
  type RequestTracer,
  Tenants,
  type VectorCause,
} from '#actors';
import {
  type NatsLink,
  type ServiceAnswer,
  ServiceRefusal,
  type ServiceRequest,
  type SystemNames,
  serveNode,
  serveRequests,
} from '#nats';
import { type BreakerSnapshot, type SystemEvent, toError } from '#runtime';
import { plainModelName } from '../config/index.ts';
import { addedCounts } from './added-counts.ts';
import { EmbedFlow } from './embed-flow.ts';
import { messageCodec } from './message-codec.ts';
import { modelContext, resolveModel } from './resolve-model.ts';
import { ServedVersion } from './served-version.ts';
import { TOKENS } from './tokens.ts';
import { onForgotten } from './vector-sharing.ts';

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
  /** What counts the requests for a model's vectors beside its status, if anything does. */
  readonly meter: (model: string) => EmbedMeter | undefined;
  readonly tracer: RequestTracer;
}

/** How the requests for its vectors stand. */
export interface ServedFacts {
  readonly name: string;
  /** For a session. */
  readonly waiting: number;
  readonly underWay: number;
  /** Nodes that serve the model, as far as this one hears of them. */
  readonly replicas: number;
  /** Of each version that still has requests. */
  readonly breakers: readonly BreakerSnapshot[];
}

const loadSchema = z.object({ node: z.string(), load: z.number(), capacity: z.number() });
const goneSchema = z.object({ node: z.string(), gone: z.literal(true) });
const messageSchema = z.union([goneSchema, loadSchema]);

/** A model and who may ask for its vectors. */
export class ServedModel {
  readonly name: string;
  readonly #container: DependencyContainer;
  readonly #options: ServedModelOptions;
  readonly #reference: string;
  readonly #link: NatsLink;
  readonly #names: SystemNames;
  readonly #tenants: Tenants;
  readonly #replicas: Replicas;
  readonly #node: string;
  readonly #meter: EmbedMeter;
  readonly #flow: EmbedFlow;
  readonly #over = new AbortController();
  readonly #ends: (() => void)[] = [];
  /** As the service tells them; those of the model change with its version. */
  readonly #metadata: Record<string, string>;
  #current: ServedVersion;
  /** Former versions that still have something in hand. */
  readonly #retiring = new Set<ServedVersion>();
  /** Requests that former versions answered, by where their vectors came from. */
  #former: Readonly<Record<VectorCause, number>> = { memory: 0, shared: 0, flight: 0, inference: 0 };
  #following: Promise<void> = Promise.resolve();
  #underWay = 0;
  #hasLeft = false;
  #idle: (() => void) | undefined;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #cancelTelling: (() => void) | undefined;

  /** Resolves when the model is open. @throws CommandError `config_invalid`, `unknown_model` */
  static async start(
    container: DependencyContainer,
    reference: string,
    options: ServedModelOptions,
  ): Promise<ServedModel> {
    const model = await servedIdentity(container, reference);
    const flow = new EmbedFlow(container.resolve(TOKENS.clock));
    const told = options.meter(model.name);
    const meter = told === undefined ? flow : meters(flow, told);
    const version = await openVersion(container, model, meter, options);
    return new ServedModel(container, { reference, options, version, flow, meter });
  }

  private constructor(
    container: DependencyContainer,
    parts: {
      readonly reference: string;
      readonly options: ServedModelOptions;
      readonly version: ServedVersion;
      readonly flow: EmbedFlow;
      /** Hears what becomes of requests; the flow does by it. */
      readonly meter: EmbedMeter;
    },
  ) {
    const { reference, options, version } = parts;
    const { node } = options;
    const name = plainModelName(reference);
    const link = container.resolve(TOKENS.link);
    const names = container.resolve(TOKENS.names);
    const { perTenant } = container.resolve(TOKENS.config).config.node.embedding;
    this.name = name;
    this.#container = container;
    this.#options = options;
    this.#reference = reference;
    this.#link = link;
    this.#names = names;
    this.#current = version;
    this.#node = node;
    this.#meter = parts.meter;
    this.#flow = parts.flow;
    this.#tenants = new Tenants(perTenant);
    this.#replicas = new Replicas(node, link.clock);
    const { subjects } = names;
    this.#metadata = { node, subject: subjects.embed(name), ...metadataOf(version) };
    const handle = (request: ServiceRequest) => this.#handle(request);
    this.#ends.push(
      link.subscribe(subjects.embedLoads(name), ({ data }) => this.#heard(data)),
      onForgotten({ link, names }, (forgotten) => {
        for (const each of this.#versions) each.forget(forgotten);
      }),
      serveRequests(link, subjects.askEmbed(name, node), handle, { self: node }),
      serveRequests(link, subjects.embed(name), handle, { queue: 'embed', self: node }),
      serveNode(link, {
        name: names.embedService(name),
        id: options.incarnation,
        version: options.version,
        description: `vectors by the model ${name}, on ${subjects.embed(name)}`,
        metadata: this.#metadata,
        statsData: () => this.standing,
      }),
    );
    this.#tell();
  }

  /** By all versions since the start. */
  get #counts(): Readonly<Record<VectorCause, number>> {
    return this.#versions.reduce((sum, { counts }) => addedCounts(sum, counts), this.#former);
  }

  get #versions(): readonly ServedVersion[] {
    return [this.#current, ...this.#retiring];
  }

  get facts(): ServedFacts {
    const waiting = this.#versions.reduce((sum, version) => sum + version.waiting, 0);
    const replicas = this.#replicas.others.length + 1;
    const breakers = this.#versions.map(({ breaker }) => breaker);
    return { name: this.name, waiting, underWay: this.#underWay, replicas, breakers };
  }

  get standing(): object {
    const { replicas, underWay, breakers } = this.facts;
    return {
      ...this.#current.standing,
      vectors: this.#counts,
      model: this.#current.runs,
      retiring: this.#retiring.size,
      replicas,
      underWay,
      breakers,
      requests: this.#flow.requests,
      recent: this.#flow.recent(),
      tenants: Object.fromEntries(this.#tenants.underWay),
    };
  }

  /**
   * Serves what the configuration's name of the model stands for now. A version that cannot be opened leaves things as they
   * are, which is logged. It never rejects.
   */
  follow(): Promise<void> {
    this.#following = this.#following.then(() => this.#follow());
    return this.#following;
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
    // One that is just being opened ends as soon as it is open.
    await this.#following;
    await Promise.all(this.#versions.map((version) => version.stop()));
  }

  async #follow(): Promise<void> {
    const log = this.#container.resolve(TOKENS.log);
    try {
      if (this.#over.signal.aborted || this.#hasLeft) return;
      const model = await servedIdentity(this.#container, this.#reference);
      if (this.#current.is(model)) return;
      const next = await openVersion(this.#container, model, this.#meter, this.#options);
      if (this.#over.signal.aborted) return await next.stop();
      this.#switchTo(next);
      log.info(
        { model: this.name, version: next.version, made: next.made },
        'the model is another version now',
      );
    } catch (error) {
      const { version } = this.#current;
      log.error(
        { model: this.name, serving: version, err: toError(error) },
        'another version of the model could not be opened: the present one goes on',
      );
    }
  }

  /** From here on no request goes to the former version. */
  #switchTo(next: ServedVersion): void {
    const former = this.#current;
    this.#current = next;
    Object.assign(this.#metadata, metadataOf(next));
    this.#retiring.add(former);
    void former.retire().finally(() => {
      this.#retiring.delete(former);
      this.#former = addedCounts(this.#former, former.counts);
    });
    this.#tellSoon();
  }

  #leave(): void {
    for (const end of this.#ends.splice(0)) end();
    this.#cancelTelling?.();
    this.#hasLeft = true;
  }

  async #handle(request: ServiceRequest): Promise<ServiceAnswer> {
    const own = { load: this.#underWay, capacity: this.#current.capacity };
    const chosen = request.forwarded ? this.#node : this.#replicas.choose(own);
    if (chosen !== this.#node) {
      this.#meter.ended('forwarded', 0);
      return { forwardTo: this.#names.subjects.askEmbed(this.name, chosen) };
    }
    const { clock } = this.#link;
    const beganMs = clock.monotonicMs();
    const endSpan = this.#options.tracer.request(this.name, (name) => request.header(name));
    const ended = (how: RequestEnd) => {
      this.#meter.ended(how.outcome, clock.monotonicMs() - beganMs);
      if (how.cause !== undefined) this.#meter.found(how.cause);
      endSpan(how);
    };
    try {
      const { answer, cause } = await this.#admitted(request);
      ended({ outcome: 'answered', cause });
      return answer;
    } catch (error) {
      const refusal = refusalOf(error);
      ended({ outcome: OUTCOME_OF_CODE[refusal.code] ?? 'failed', reason: String(refusal.code) });
      throw refusal;
    }
  }

  /** Within the share of its tenant. @throws ServiceRefusal; what the pool throws */
  async #admitted(request: ServiceRequest) {
    using place = this.#tenants.enter(request.header('Troupe-Tenant') ?? 'default');
    if (place === undefined) {
      throw new ServiceRefusal(429, 'this tenant has all of its requests under way', { retryAfterMs: 50 });
    }
    this.#underWay += 1;
    this.#tellSoon();
    try {
      return await this.#embed(request);
    } finally {
      this.#underWay -= 1;
      this.#tellSoon();
      if (this.#underWay === 0) this.#idle?.();
    }
  }

  async #embed({
    data,
    header,
  }: ServiceRequest): Promise<{ readonly answer: ServiceAnswer; readonly cause: VectorCause }> {
    if (data.length === 0) throw new ServiceRefusal(400, 'expected the bytes of a picture, got nothing');
    const served = this.#current;
    const { vector, cause, content } = await served.embed(new Uint8Array(data), this.#over.signal);
    const { made, version } = served;
    const headers = {
      'Troupe-Model': made,
      ...(version !== undefined && { 'Troupe-Model-Version': version }),
      'Troupe-Content': content,
      'Troupe-Cause': cause,
      'Troupe-Dimension': String(vector.length),
    };
    if (header('Accept') === 'application/json') {
      const json = { model: made, version: version ?? null, content, cause, vector: [...vector] };
      const typed = { ...headers, 'Content-Type': 'application/json' };
      return { answer: { data: Buffer.from(JSON.stringify(json)), headers: typed }, cause };
    }
    const bytes = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
    return { answer: { data: bytes, headers }, cause };
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
    const load = { node: this.#node, load: this.#underWay, capacity: this.#current.capacity };
    this.#link.publishCore(this.#names.subjects.embedLoads(this.name), messageCodec.encode(load));
    this.#toldAtMs = this.#link.clock.monotonicMs();
    this.#tellIn(LOAD_AT_LEAST_MS);
  }
}

/** The model that a reference means at present, under the name that askers know. */
async function servedIdentity(container: DependencyContainer, reference: string): Promise<ModelIdentity> {
  const use = { path: 'node.embedding.serve' };
  const model = await resolveModel(modelContext(container), use, reference);
  return { ...model, name: plainModelName(reference) };
}

function openVersion(
  container: DependencyContainer,
  model: ModelIdentity,
  meter: EmbedMeter,
  { onEvent, gaveUp }: ServedModelOptions,
): Promise<ServedVersion> {
  return ServedVersion.open(container, model, {
    onEvent,
    gaveUp: (error) => gaveUp(model.name, error),
    ran: (items) => meter.ran(items),
  });
}

function metadataOf({ made, version }: ServedVersion): Readonly<Record<string, string>> {
  return { model: made, version: version ?? '' };
}

const OUTCOME_OF_CODE: Readonly<Record<number, RequestOutcome>> = { 400: 'bad_request', 429: 'retry_after' };

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
