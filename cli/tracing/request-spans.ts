// A span for each request for a vector whose asker has a trace of its own: a child of the asker's span. Attributes are names
// and codes; nothing of the picture is told.
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api';
import type { RequestEnd, RequestTracer } from '#actors';
import type { Clock } from '#runtime';
import { readTraceContext } from './trace-context.ts';

const nothing = () => {};

export class RequestSpans implements RequestTracer {
  readonly #tracer: Tracer;
  readonly #clock: Clock;

  constructor({ tracer, clock }: { readonly tracer: Tracer; readonly clock: Clock }) {
    this.#tracer = tracer;
    this.#clock = clock;
  }

  request(model: string, header: (name: string) => string | undefined): (how: RequestEnd) => void {
    const parent = readTraceContext(header);
    if (parent === undefined) return nothing;
    const attributes = { 'messaging.system': 'nats', 'troupe.model': model };
    const options = { kind: SpanKind.SERVER, attributes, startTime: this.#clock.wallMs() };
    const span = this.#tracer.startSpan('troupe vector', options, trace.setSpanContext(ROOT_CONTEXT, parent));
    return ({ outcome, cause, reason }) => {
      span.setAttribute('troupe.outcome', outcome);
      if (cause !== undefined) span.setAttribute('troupe.cause', cause);
      if (reason !== undefined) {
        span.setAttribute('troupe.reason', reason);
        span.setStatus({ code: SpanStatusCode.ERROR, message: reason });
      }
      span.end(this.#clock.wallMs());
    };
  }
}
