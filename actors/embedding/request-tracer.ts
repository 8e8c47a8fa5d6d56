// The span of a request for a vector, as part of the trace that its asker has. Whoever composes a node decides whether spans
// are made.
import type { RequestOutcome } from './embed-meter.ts';
import type { VectorCause } from './embeddings.ts';

/** How a request ended. */
export interface RequestEnd {
  readonly outcome: RequestOutcome;
  /** Where the vector came from. */
  readonly cause?: VectorCause;
  /** Why there is none. */
  readonly reason?: string;
}

export interface RequestTracer {
  /** Begins a span where the request's headers name one of its asker; the function ends it. */
  request(model: string, header: (name: string) => string | undefined): (how: RequestEnd) => void;
}

const nothing = () => {};

/** Makes no spans. */
export const noRequestSpans: RequestTracer = { request: () => nothing };
