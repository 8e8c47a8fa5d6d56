// Trace contexts as they stand in headers, whoever wrote them.
import { describe, expect, it } from 'vitest';
import { carriedOn } from '#actors';
import type { Delivery } from '#runtime';
import { samplerOf } from '../../../cli/tracing/otlp-tracing.ts';
import { readTraceContext, writeTraceContext } from '../../../cli/tracing/trace-context.ts';
import { tracesEndpoint } from '../../../cli/tracing/tracing.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const PARENT = `00-${TRACE}-${SPAN}-01`;

const read = (traceparent: string, tracestate?: string) =>
  readTraceContext((name) => ({ traceparent, tracestate })[name]);

describe('a trace context', () => {
  it('is written as it was read', () => {
    const context = read(PARENT, 'vendor=1,other=2');
    expect(context).toMatchObject({ traceId: TRACE, spanId: SPAN, traceFlags: 1, isRemote: true });
    expect(context && writeTraceContext(context)).toEqual({
      traceparent: PARENT,
      tracestate: 'vendor=1,other=2',
    });
  });

  it('may be of a later version with more after its flags', () => {
    expect(read(`01-${TRACE}-${SPAN}-00-more`)).toMatchObject({ traceId: TRACE, traceFlags: 0 });
  });

  it.each([
    '',
    'nonsense',
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-01-more`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
  ])('is absent where it is malformed: %j', (header) => {
    expect(read(header)).toBeUndefined();
  });
});

describe('a node without tracing', () => {
  const headersAfter = (headers: Readonly<Record<string, string>>) =>
    carriedOn.hop('intake', { header: (name: string) => headers[name] } as Delivery).headers;

  it('carries a context on as it came, and nothing else that stands in its headers', () => {
    expect(headersAfter({ traceparent: PARENT, tracestate: 'a=1', baggage: 'x=y' })).toEqual({
      traceparent: PARENT,
      tracestate: 'a=1',
    });
    expect(headersAfter({ tracestate: 'a=1' })).toEqual({});
    expect(headersAfter({ traceparent: 'x'.repeat(100_000) })).toEqual({});
    expect(headersAfter({ traceparent: PARENT, tracestate: 'a'.repeat(513) })).toEqual({
      traceparent: PARENT,
    });
  });
});

describe('the variables of OpenTelemetry', () => {
  it('name where traces go, or that none are made', () => {
    const all = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/' };
    expect({
      none: tracesEndpoint({}),
      all: tracesEndpoint(all),
      traces: tracesEndpoint({ ...all, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://other:4318/t' }),
      disabled: tracesEndpoint({ ...all, OTEL_SDK_DISABLED: 'true' }),
      without: tracesEndpoint({ ...all, OTEL_TRACES_EXPORTER: 'none' }),
    }).toEqual({
      none: undefined,
      all: 'http://collector:4318/v1/traces',
      traces: 'http://other:4318/t',
      disabled: undefined,
      without: undefined,
    });
  });

  it('name the sampler, and a wrong one is refused with what is allowed', () => {
    const shown = (OTEL_TRACES_SAMPLER: string, OTEL_TRACES_SAMPLER_ARG = '') =>
      samplerOf({ OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG }).toString();
    expect(samplerOf({}).toString()).toMatch(/^ParentBased\{root=AlwaysOnSampler/);
    expect(shown('always_off')).toBe('AlwaysOffSampler');
    expect(shown('parentbased_traceidratio', '0.25')).toMatch(/^ParentBased\{root=TraceIdRatioBased\{0.25\}/);
    expect(() => shown('sometimes')).toThrow(
      /expected OTEL_TRACES_SAMPLER to be one of always_on, .*, got "sometimes"/,
    );
    expect(() => shown('traceidratio', '2')).toThrow(/from 0 to 1, got "2"/);
  });
});
