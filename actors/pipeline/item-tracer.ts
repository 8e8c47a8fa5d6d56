// An item's trace over all hops, by the W3C headers that its messages carry. Whoever composes a node decides whether spans
// are made; without, the headers of the hop before are carried on as they came, so that other nodes can go on with it.
import type { Delivery } from '#runtime';
import type { Stage } from './dataset-ports.ts';

/** How one hop ended. */
export interface HopEnd {
  /** `returned`: its queue has the message again. */
  readonly outcome: 'passed' | 'held' | 'dead' | 'returned';
  /** The item's sequence in the intake stream, where it is known. */
  readonly sequence?: number;
  /** Why it died. */
  readonly reason?: string;
}

/** One hop of one item. */
export interface HopTrace {
  /** What every message of the hop carries. */
  readonly headers: Readonly<Record<string, string>>;
  end(how: HopEnd): void;
}

/** A message whose verdict is journaled. */
export interface KeptItem {
  readonly delivery: Delivery;
  readonly sequence: number;
  /** A dead one comes into no manifest. */
  readonly isDead: boolean;
}

export interface ItemTracer {
  /** Begins a hop. */
  hop(stage: Stage, delivery: Delivery): HopTrace;
  /** The last hop of these items, since `beganMs` on the wall clock. */
  kept(items: readonly KeptItem[], beganMs: number): void;
  /** All that were kept are in this manifest, or decided not to be; the cut took since `beganMs` on the wall clock. */
  cut(manifest: number, beganMs: number): void;
}

const TRACEPARENT = /^[0-9a-f-]{55,128}$/;
const TRACESTATE = /^[\x20-\x7e]{1,512}$/;
const NO_HEADERS = {};
const nothing = () => {};

/** Makes no spans. */
export const carriedOn: ItemTracer = {
  hop: (_stage, delivery) => ({ headers: traceHeaders(delivery), end: nothing }),
  kept: nothing,
  cut: nothing,
};

/** Of what any publisher may have sent only what can be a trace context goes on. */
function traceHeaders(delivery: Delivery): Readonly<Record<string, string>> {
  const traceparent = delivery.header('traceparent');
  if (traceparent === undefined || !TRACEPARENT.test(traceparent)) return NO_HEADERS;
  const tracestate = delivery.header('tracestate');
  return { traceparent, ...(tracestate !== undefined && TRACESTATE.test(tracestate) && { tracestate }) };
}
