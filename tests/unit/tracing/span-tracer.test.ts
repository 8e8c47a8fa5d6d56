// The spans of items, by the SDK itself with an exporter in memory.
import {
  AlwaysOffSampler,
  InMemorySpanExporter,
  type Sampler,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { describe, expect, it } from 'vitest';
import type { Delivery } from '#runtime';
import { ManualClock } from '#testkit';
import { SpanTracer } from '../../../cli/tracing/span-tracer.ts';

function tracerInMemory(sampler?: Sampler) {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
    ...(sampler && { sampler }),
  });
  const tracer = new SpanTracer({
    tracer: provider.getTracer('test'),
    dataset: 'photos',
    clock: new ManualClock(),
    maxWaiting: 3,
  });
  return { tracer, spans: () => exporter.getFinishedSpans() };
}

function delivery(headers: Readonly<Record<string, string>> = {}): Delivery {
  return {
    subject: 'troupe.intake.photos',
    deliveries: 1,
    storedAtMs: 0,
    header: (name: string) => headers[name],
  } as Delivery;
}

describe('the trace of an item', () => {
  it('begins at the intake where its publisher has none, and goes on with what the hop before sent', () => {
    const { tracer, spans } = tracerInMemory();
    const intake = tracer.hop('intake', delivery());
    const embed = tracer.hop('embed', delivery(intake.headers));
    embed.end({ outcome: 'passed', sequence: 7 });
    intake.end({ outcome: 'passed', sequence: 7 });
    const [second, first] = spans();
    expect(first).toMatchObject({ name: 'troupe intake', attributes: { 'troupe.sequence': 7 } });
    expect(first?.parentSpanContext).toBeUndefined();
    expect(second?.parentSpanContext?.spanId).toBe(first?.spanContext().spanId);
    expect(second?.spanContext().traceId).toBe(first?.spanContext().traceId);
  });

  it('ends in an error with the reason where the item dies, and in no manifest', () => {
    const { tracer, spans } = tracerInMemory();
    const intake = tracer.hop('intake', delivery());
    intake.end({ outcome: 'dead', sequence: 7, reason: 'corrupt_image' });
    tracer.kept([{ delivery: delivery(intake.headers), sequence: 7, isDead: true }], 0);
    tracer.cut(1, 0);
    expect(spans().map(({ name, status }) => `${name} ${status.message ?? ''}`)).toEqual([
      'troupe intake corrupt_image',
      'troupe keep ',
    ]);
  });

  it('ends in the first manifest after its verdict, once', () => {
    const { tracer, spans } = tracerInMemory();
    tracer.kept([{ delivery: delivery(), sequence: 7, isDead: false }], 0);
    tracer.cut(3, 0);
    tracer.cut(4, 0);
    const manifests = spans().filter(({ name }) => name === 'troupe manifest');
    expect(manifests.map(({ attributes }) => attributes['troupe.manifest'])).toEqual([3]);
  });

  it('is remembered for a manifest only while there are not too many, the oldest going first', () => {
    const { tracer, spans } = tracerInMemory();
    for (let sequence = 1; sequence <= 4; sequence += 1) {
      tracer.kept([{ delivery: delivery(), sequence, isDead: false }], 0);
    }
    tracer.cut(1, 0);
    const manifests = spans().filter(({ name }) => name === 'troupe manifest');
    expect(manifests.map(({ attributes }) => attributes['troupe.sequence'])).toEqual([2, 3, 4]);
  });

  it('that is not sampled has no spans, and goes on unsampled', () => {
    const { tracer, spans } = tracerInMemory(new AlwaysOffSampler());
    const { headers, end } = tracer.hop('intake', delivery());
    end({ outcome: 'passed' });
    tracer.kept([{ delivery: delivery(headers), sequence: 1, isDead: false }], 0);
    tracer.cut(1, 0);
    expect(spans()).toEqual([]);
    expect(headers.traceparent).toMatch(/-00$/);
  });

  it('has no id of an item among its attributes', () => {
    const { tracer, spans } = tracerInMemory();
    tracer.hop('intake', delivery({ 'Troupe-Id': 'secret.jpg' })).end({ outcome: 'passed', sequence: 1 });
    expect(JSON.stringify(spans()[0]?.attributes)).not.toContain('secret');
  });
});
