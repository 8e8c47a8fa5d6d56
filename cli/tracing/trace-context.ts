// The W3C trace context of a message: read from its headers, written into those of the next. What is malformed counts as
// absent, as the specification asks for.
import { createTraceState, isSpanContextValid, type SpanContext } from '@opentelemetry/api';

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

const MAX_STATE = 512;

/** The span that sent a message; undefined where its headers name none. */
export function readTraceContext(header: (name: string) => string | undefined): SpanContext | undefined {
  const match = TRACEPARENT.exec(header('traceparent')?.trim() ?? '');
  if (match === null) return undefined;
  const [, version = '', traceId = '', spanId = '', flags = '', more] = match;
  // Version ff is none; version 00 has nothing after its flags.
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  const state = header('tracestate')?.slice(0, MAX_STATE);
  const context: SpanContext = {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & 1,
    isRemote: true,
    ...(state !== undefined && { traceState: createTraceState(state) }),
  };
  return isSpanContextValid(context) ? context : undefined;
}

/** The headers of messages that a span sends. */
export function writeTraceContext(span: SpanContext): Readonly<Record<string, string>> {
  const { traceId, spanId, traceFlags, traceState } = span;
  const flags = (traceFlags & 1).toString(16).padStart(2, '0');
  const state = traceState?.serialize();
  return {
    traceparent: `00-${traceId}-${spanId}-${flags}`,
    ...(state !== undefined && state !== '' && { tracestate: state }),
  };
}
