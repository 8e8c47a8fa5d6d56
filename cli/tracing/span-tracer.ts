// A span for each hop of each item, all of one item in one trace: from the publisher's own span, or a new one at the intake,
// to the manifest that decides about it. Attributes are names, numbers and codes; an item is told by its sequence.
import {
  type Attributes,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { HopTrace, ItemTracer, KeptItem, Stage } from '#actors';
import type { Clock, Delivery } from '#runtime';
import { readTraceContext, writeTraceContext } from './trace-context.ts';

/** A cut ends a span for each of these at once, on the event loop. */
const MAX_WAITING = 4_000;

export class SpanTracer implements ItemTracer {
  readonly #tracer: Tracer;
  readonly #dataset: string;
  readonly #clock: Clock;
  readonly #maxWaiting: number;
  /** By sequence: the span that journaled its verdict. */
  readonly #kept = new Map<number, SpanContext>();

  constructor(options: {
    readonly tracer: Tracer;
    readonly dataset: string;
    readonly clock: Clock;
    /** Items whose traces wait for a manifest; of more than these the oldest end with their verdict. Default 4,000. */
    readonly maxWaiting?: number;
  }) {
    this.#tracer = options.tracer;
    this.#dataset = options.dataset;
    this.#clock = options.clock;
    this.#maxWaiting = options.maxWaiting ?? MAX_WAITING;
  }

  hop(stage: Stage, delivery: Delivery): HopTrace {
    const span = this.#begin(stage, delivery, this.#clock.wallMs());
    return {
      headers: writeTraceContext(span.spanContext()),
      end: ({ outcome, sequence, reason }) => {
        span.setAttribute('troupe.outcome', outcome);
        if (sequence !== undefined) span.setAttribute('troupe.sequence', sequence);
        if (reason !== undefined) {
          span.setAttribute('troupe.reason', reason);
          span.setStatus({ code: SpanStatusCode.ERROR, message: reason });
        }
        span.end(this.#clock.wallMs());
      },
    };
  }

  kept(items: readonly KeptItem[], beganMs: number): void {
    for (const { delivery, sequence, isDead } of items) {
      const span = this.#begin('keep', delivery, beganMs);
      span.setAttribute('troupe.sequence', sequence);
      span.end(this.#clock.wallMs());
      if (!isDead) this.#remember(sequence, span.spanContext());
    }
  }

  cut(manifest: number, beganMs: number): void {
    for (const [sequence, parent] of this.#kept) {
      const attributes = { ...this.#attributes(), 'troupe.sequence': sequence, 'troupe.manifest': manifest };
      const options = { kind: SpanKind.INTERNAL, attributes, startTime: beganMs };
      this.#tracer.startSpan('troupe manifest', options, contextOf(parent)).end(this.#clock.wallMs());
    }
    this.#kept.clear();
  }

  #begin(stage: Stage, delivery: Delivery, beganMs: number): Span {
    const parent = readTraceContext((name) => delivery.header(name));
    const attributes = {
      ...this.#attributes(),
      'messaging.system': 'nats',
      'messaging.operation.type': 'process',
      'messaging.destination.name': delivery.subject,
      'troupe.stage': stage,
      'troupe.deliveries': delivery.deliveries,
      'troupe.queued_ms': Math.max(0, beganMs - delivery.storedAtMs),
    };
    const options = { kind: SpanKind.CONSUMER, attributes, startTime: beganMs };
    return this.#tracer.startSpan(
      `troupe ${stage}`,
      options,
      parent === undefined ? ROOT_CONTEXT : contextOf(parent),
    );
  }

  #attributes(): Attributes {
    return { 'troupe.dataset': this.#dataset };
  }

  #remember(sequence: number, span: SpanContext): void {
    // What is not sampled has nothing to wait for.
    if ((span.traceFlags & 1) === 0) return;
    this.#kept.delete(sequence);
    this.#kept.set(sequence, span);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > this.#maxWaiting && oldest !== undefined) this.#kept.delete(oldest);
  }
}

function contextOf(parent: SpanContext) {
  return trace.setSpanContext(ROOT_CONTEXT, parent);
}
