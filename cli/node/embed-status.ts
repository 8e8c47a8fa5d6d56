// The models whose vectors a system has for others, as its nodes tell of them: who serves each, how many requests come, for
// how many of them the model did not run.
import { z } from 'zod';
import { REQUEST_OUTCOMES, type RequestOutcome } from '#actors';
import { breakerSchema } from './breaker-told.ts';
import { modelStandingSchema } from './model-standing.ts';

/** What a node tells of a model that it serves; an older program tells the model alone, or not even that. */
export const servedModelSchema = z.object({
  model: modelStandingSchema.exactOptional(),
  waiting: z.number().default(0),
  underWay: z.number().default(0),
  /** Of each version that has requests. */
  breakers: z.array(breakerSchema).default([]),
  requests: z.partialRecord(z.enum(REQUEST_OUTCOMES), z.number()).default({}),
  recent: z
    .object({ windowMs: z.number(), answered: z.number(), hits: z.number() })
    .default({ windowMs: 0, answered: 0, hits: 0 }),
});

export type ServedModelTold = z.infer<typeof servedModelSchema>;

export interface EmbedStatus {
  readonly model: string;
  /** Nodes that answered and serve it. */
  readonly replicas: readonly string[];
  /** Requests that had a vector, of the last 15 seconds. */
  readonly itemsPerS: number;
  /** Share of those for which the model did not run, 0 to 1; null: there were none. */
  readonly hitRate: number | null;
  /** Requests that wait for a session. */
  readonly waiting: number;
  readonly underWay: number;
  /** Since the nodes started. */
  readonly requests: Readonly<Record<RequestOutcome, number>>;
}

/** By model, of all nodes. */
export function embedStatus(
  nodes: readonly {
    readonly node: string;
    readonly embedding: Readonly<Record<string, ServedModelTold>>;
  }[],
): readonly EmbedStatus[] {
  const models = [...new Set(nodes.flatMap(({ embedding }) => Object.keys(embedding)))].sort();
  return models.map((model) => {
    const served = nodes.flatMap(({ node, embedding }) => {
      const told = embedding[model];
      return told === undefined ? [] : [{ node, ...told }];
    });
    const sum = (of: (told: ServedModelTold) => number) => served.reduce((all, told) => all + of(told), 0);
    const answered = sum(({ recent }) => recent.answered);
    const requests = Object.fromEntries(
      REQUEST_OUTCOMES.map((outcome) => [outcome, sum((told) => told.requests[outcome] ?? 0)]),
    ) as Record<RequestOutcome, number>;
    return {
      model,
      replicas: served.map(({ node }) => node).sort(),
      itemsPerS: sum(({ recent }) => (recent.windowMs > 0 ? (recent.answered / recent.windowMs) * 1_000 : 0)),
      hitRate: answered === 0 ? null : sum(({ recent }) => recent.hits) / answered,
      waiting: sum(({ waiting }) => waiting),
      underWay: sum(({ underWay }) => underWay),
      requests,
    };
  });
}
