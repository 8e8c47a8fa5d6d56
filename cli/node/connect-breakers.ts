// The breakers of one dataset: one for its model's session, one for each place that its references lead to; and that of a
// model which answers for others.
import { type ModelIdentity, SourceGuard } from '#actors';
import { CircuitBreaker, type Clock, type RandomSource, type SystemHappening } from '#runtime';
import type { Config } from '../config/index.ts';

/** Times are spread by this share, so that nodes do not probe in step. */
const JITTER = 0.2;

export interface BreakerConnections {
  readonly dataset: string;
  readonly config: Config;
  readonly model: ModelIdentity;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly emit: (happening: SystemHappening) => void;
}

export function connectBreakers({ dataset, config, model, clock, random, emit }: BreakerConnections): {
  readonly guard: SourceGuard;
  readonly modelBreaker: CircuitBreaker;
} {
  const { giveUpAfterMs, ...breaker } = config.sources.breaker;
  const common = { clock, random, emit };
  return {
    guard: new SourceGuard({
      ...common,
      path: `${dataset}/intake`,
      breaker: { ...breaker, jitter: JITTER },
      giveUpAfterMs,
    }),
    modelBreaker: modelBreaker({ ...common, path: `${dataset}/embedding`, config, model }),
  };
}

/** The breaker of the sessions of one model; `path` is where they are. */
export function modelBreaker({
  path,
  config,
  model,
  clock,
  random,
  emit,
}: Omit<BreakerConnections, 'dataset'> & { readonly path: string }): CircuitBreaker {
  return new CircuitBreaker({
    path,
    name: `model ${model.name}`,
    // One batch at a time is in hand: what share of a window failed says no more than the last ones in a row.
    options: { ...config.node.modelBreaker, failureRate: 1, minCalls: 1, windowMs: 60_000, jitter: JITTER },
    clock,
    random,
    emit,
  });
}
