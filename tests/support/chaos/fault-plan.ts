// Which faults a soak test injects, in which order and for how long: a pure function of the seed.
import { SeededRandom } from '#testkit';

/** A disturbance. `short` ones are over before a lease is, `long` ones are not. */
export type FaultKind =
  | 'kill a node'
  | 'freeze a node shortly'
  | 'freeze a node for long'
  | 'cut a node off shortly'
  | 'cut a node off for long'
  | 'kill a server';

export interface Fault {
  readonly kind: FaultKind;
  /** Whose turn it is among those that there are: 0 up to 1. */
  readonly victim: number;
  /** After the fault before it. */
  readonly afterMs: number;
  /** Until it is mended. */
  readonly forMs: number;
}

/** How often each kind comes, in relation to the others. */
const WEIGHTS: readonly (readonly [FaultKind, number])[] = [
  ['kill a node', 3],
  ['freeze a node shortly', 2],
  ['freeze a node for long', 1],
  ['cut a node off shortly', 2],
  ['cut a node off for long', 1],
  ['kill a server', 3],
];
const TOTAL = WEIGHTS.reduce((sum, [, weight]) => sum + weight, 0);

/** The faults of a seed, without end. */
export function* faultPlan(seed: number, leaseMs: number): Generator<Fault, never> {
  const random = new SeededRandom(seed);
  const between = (low: number, high: number) => Math.round(low + (high - low) * random.next());
  for (;;) {
    const kind = pick(random.next());
    yield {
      kind,
      victim: random.next(),
      afterMs: between(1_000, 6_000),
      forMs: between(...duration(kind, leaseMs)),
    };
  }
}

function pick(drawn: number): FaultKind {
  let left = drawn * TOTAL;
  for (const [kind, weight] of WEIGHTS) {
    left -= weight;
    if (left < 0) return kind;
  }
  return 'kill a server';
}

function duration(kind: FaultKind, leaseMs: number): [number, number] {
  switch (kind) {
    case 'kill a node':
    case 'kill a server':
      return [0, 8_000];
    case 'freeze a node shortly':
    case 'cut a node off shortly':
      return [500, leaseMs / 2];
    case 'freeze a node for long':
    case 'cut a node off for long':
      return [1.2 * leaseMs, 2 * leaseMs];
  }
}
