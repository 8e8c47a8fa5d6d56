// The checks under which our own tests run their actors: every message through the codec, no circle of asks. Also a
// setup file of the unit tests, where it fails the test whose asks could have formed a circle.
import { afterEach } from 'vitest';
import type { Codec, SystemCheck } from '#runtime';
import { WaitGraph, WireCheck } from '#testkit';
import { decode, encode } from '../../nats/codec.ts';

/** The codec of internal messages. */
export const memoryCodec: Codec = { encode, decode };

const graphs = new Set<WaitGraph>();

/** Checks for one system. */
export function systemChecks(): readonly SystemCheck[] {
  const graph = new WaitGraph();
  graphs.add(graph);
  return [new WireCheck(memoryCodec), graph];
}

/** Fails if the asks of any system so far formed a circle, or could have. */
export function assertNoCycles(): void {
  const seen = [...graphs];
  graphs.clear();
  for (const graph of seen) graph.assertNone();
}

afterEach(assertNoCycles);
