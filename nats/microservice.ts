// The `$SRV` service of a node (ADR-32), by which `nats micro ls|info|stats|ping` and our own status see every node
// without a coordinator; and the other side, which asks all nodes at once and gathers what answers in time.
import { z } from 'zod';
import type { NatsLink } from './connection.ts';
import { EndpointMeter, type ServiceEndpoint } from './endpoint-meter.ts';
import { NoResponders } from './errors.ts';

const VERBS = ['PING', 'INFO', 'STATS'] as const;
type Verb = (typeof VERBS)[number];

/** How a node presents itself. */
export interface ServiceOptions {
  /** Name of the service, e.g. `troupe-node`: letters, digits, `-` and `_`. */
  readonly name: string;
  /** Unique for this process: one subject token. */
  readonly id: string;
  /** Semantic version. */
  readonly version: string;
  readonly description?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** What the node reports in STATS, as JSON; asked at each request. */
  readonly statsData: () => unknown;
  /** Beside `<name>.<id>.stats`, which answers with `statsData` alone. */
  readonly endpoints?: readonly ServiceEndpoint[];
}

/** One node's answer to STATS. */
export interface ServiceStats {
  readonly name: string;
  readonly id: string;
  readonly version: string;
  /** RFC 3339. */
  readonly started: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** What its `statsData` returned; unchecked. */
  readonly data: unknown;
}

const statsSchema = z.object({
  name: z.string(),
  id: z.string(),
  version: z.string(),
  started: z.string().default(''),
  metadata: z.record(z.string(), z.string()).nullish(),
  endpoints: z.array(z.object({ data: z.unknown().optional() })).nullish(),
});

/** Answers PING, INFO and STATS, and at its endpoints, for this process until the returned function is called. */
export function serveNode(link: NatsLink, options: ServiceOptions): () => void {
  const { name, id, endpoints = [] } = options;
  const started = new Date(link.clock.wallMs()).toISOString();
  const stats: ServiceEndpoint = {
    name: 'stats',
    subject: `${name}.${id}.stats`,
    handle: async () => encodeJson(options.statsData()),
  };
  const meters = [stats, ...endpoints].map((endpoint) => new EndpointMeter(endpoint, link.clock));
  const answer = (verb: Verb) => async () => encodeJson(respond(verb, options, { started, meters }));
  const ends = VERBS.flatMap((verb) =>
    [`$SRV.${verb}`, `$SRV.${verb}.${name}`, `$SRV.${verb}.${name}.${id}`].map((subject) =>
      link.serve(subject, answer(verb)),
    ),
  );
  ends.push(...meters.map((meter) => link.serve(meter.endpoint.subject, (data) => meter.handle(data))));
  return () => {
    for (const end of ends) end();
  };
}

/**
 * The STATS of every process of the service which answers within `waitMs`, sorted by id; empty if there is none. Once
 * `enough` have answered it waits no longer.
 */
export async function statsOf(
  link: NatsLink,
  service: string,
  waitMs: number,
  enough = Number.POSITIVE_INFINITY,
): Promise<readonly ServiceStats[]> {
  const answers: ServiceStats[] = [];
  try {
    const replies = await link.connection.requestMany(`$SRV.STATS.${service}`, '', {
      strategy: 'timer',
      maxWait: waitMs,
    });
    for await (const reply of replies) {
      const stats = parseStats(reply.string());
      if (stats !== undefined) answers.push(stats);
      if (answers.length >= enough) break;
    }
  } catch (error) {
    if (!isNoResponders(error)) throw error;
  }
  return answers.sort((a, b) => (a.id < b.id ? -1 : 1));
}

function respond(
  verb: Verb,
  options: ServiceOptions,
  state: { readonly started: string; readonly meters: readonly EndpointMeter[] },
): object {
  const { name, id, version, metadata = {}, description = '' } = options;
  const identity = { type: `io.nats.micro.v1.${verb.toLowerCase()}_response`, name, id, version, metadata };
  const { started, meters } = state;
  switch (verb) {
    case 'PING':
      return identity;
    case 'INFO':
      return {
        ...identity,
        description,
        endpoints: meters.map(({ described }) => ({ ...described, metadata: {} })),
      };
    case 'STATS': {
      const [stats, ...others] = meters.map((meter) => ({ ...meter.described, ...meter.counts }));
      return { ...identity, started, endpoints: [{ ...stats, data: options.statsData() }, ...others] };
    }
  }
}

function parseStats(text: string): ServiceStats | undefined {
  try {
    const { endpoints, metadata, ...identity } = statsSchema.parse(JSON.parse(text));
    return { ...identity, metadata: metadata ?? {}, data: endpoints?.[0]?.data };
  } catch {
    return undefined; // another program under the same name: not one of our nodes
  }
}

function isNoResponders(error: unknown): boolean {
  return error instanceof NoResponders || (error instanceof Error && /no responders/i.test(error.message));
}

function encodeJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
