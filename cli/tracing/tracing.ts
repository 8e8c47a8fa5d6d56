// Traces of a node: where its spans go, which items get any, and their end. Without an exporter there are none, and what
// makes them is not even loaded.
import type { ItemTracer, RequestTracer } from '#actors';
import type { Clock, Logger } from '#runtime';

/** What makes the spans of a node. */
export interface Tracing {
  itemTracer(dataset: string, clock: Clock): ItemTracer;
  requestTracer(clock: Clock): RequestTracer;
  /** Sends what is left. */
  close(): Promise<void>;
}

export interface TracingOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly node: string;
  readonly version: string;
  readonly log: Logger;
}

/** Where the variables of OpenTelemetry say that spans go; undefined where they name nothing or switch it off. */
export function tracesEndpoint(env: TracingOptions['env']): string | undefined {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true' || env.OTEL_TRACES_EXPORTER === 'none')
    return undefined;
  const { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: traces, OTEL_EXPORTER_OTLP_ENDPOINT: all } = env;
  if (traces !== undefined && traces !== '') return traces;
  return all === undefined || all === '' ? undefined : `${all.replace(/\/+$/, '')}/v1/traces`;
}

/** The tracing that the environment asks for. @throws CommandError `usage` for a sampler that there is not */
export async function openTracing(options: TracingOptions): Promise<Tracing | undefined> {
  const endpoint = tracesEndpoint(options.env);
  if (endpoint === undefined) return undefined;
  const { exportTo } = await import('./otlp-tracing.ts');
  return exportTo(endpoint, options);
}
