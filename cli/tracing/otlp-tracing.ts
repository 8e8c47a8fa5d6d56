// Spans by OpenTelemetry's SDK to a collector, as OTLP over HTTP with JSON. The standard variables configure it; what they
// are for other languages they are here, as far as docs/observability.md lists them.
import { DiagLogLevel, diag, type TracerProvider as TracerSource } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { type Logger, pause, systemClock } from '#runtime';
import { UsageError } from '../command-error.ts';
import { RequestSpans } from './request-spans.ts';
import { SpanTracer } from './span-tracer.ts';
import type { Tracing, TracingOptions } from './tracing.ts';

/** Longest that a node waits at its end for a collector that does not answer. */
const CLOSE_MS = 3_000;
/** Spans in memory at once; what a slow collector leaves beyond them is dropped. */
const QUEUE = 8_192;
const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

/** @throws UsageError for a sampler that there is not */
export function exportTo(url: string, { env, node, version, log }: TracingOptions): Tracing {
  tellTroubles(log);
  const resource = defaultResource()
    .merge(resourceFromAttributes({ 'service.name': 'troupe-node', 'service.version': version }))
    .merge(detectResources({ detectors: [envDetector] }))
    .merge(resourceFromAttributes({ 'service.instance.id': node }));
  const exporter = new OTLPTraceExporter({ url });
  const provider = new TracerProvider({
    resource,
    sampler: samplerOf(env),
    spanProcessors: [new BatchSpanProcessor({ exporter, maxQueueSize: QUEUE })],
  });
  log.info({ url }, 'traces are exported');
  const closed = () => Promise.race([provider.shutdown(), pause(systemClock, CLOSE_MS)]);
  return tracingBy(provider, { version, close: () => closed().catch(() => {}) });
}

/** Tracing with a provider of one's own. */
export function tracingBy(
  provider: TracerSource,
  { version, close }: { readonly version: string; readonly close: () => Promise<void> },
): Tracing {
  const tracer = provider.getTracer('troupe', version);
  return {
    itemTracer: (dataset, clock) => new SpanTracer({ tracer, dataset, clock }),
    requestTracer: (clock) => new RequestSpans({ tracer, clock }),
    close,
  };
}

/** As OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG say; by default all, but what a publisher does not sample. */
export function samplerOf(env: TracingOptions['env']): Sampler {
  const { OTEL_TRACES_SAMPLER: asked = '', OTEL_TRACES_SAMPLER_ARG: argument = '' } = env;
  const name = asked === '' ? 'parentbased_always_on' : asked;
  const known = SAMPLERS.find((each) => each === name);
  if (known === undefined) {
    throw new UsageError(`expected OTEL_TRACES_SAMPLER to be one of ${SAMPLERS.join(', ')}, got "${asked}"`);
  }
  const root = rootSampler(known.replace('parentbased_', ''), argument);
  return known.startsWith('parentbased_') ? new ParentBasedSampler({ root }) : root;
}

function rootSampler(name: string, argument: string): Sampler {
  if (name === 'always_on') return new AlwaysOnSampler();
  if (name === 'always_off') return new AlwaysOffSampler();
  const ratio = argument === '' ? 1 : Number(argument);
  if (ratio >= 0 && ratio <= 1) return new TraceIdRatioBasedSampler(ratio);
  throw new UsageError(`expected OTEL_TRACES_SAMPLER_ARG to be a number from 0 to 1, got "${argument}"`);
}

/** Spans that could not be sent are lost, and nothing else; the log says so. */
function tellTroubles(log: Logger): void {
  const nothing = () => {};
  const warn = (message: string) => log.warn({ message }, 'traces could not be exported');
  const logger = { error: warn, warn, info: nothing, debug: nothing, verbose: nothing };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
}
