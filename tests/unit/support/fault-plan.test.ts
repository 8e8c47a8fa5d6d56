// Which faults a soak injects.
import { describe, expect, it } from 'vitest';
import { type Fault, faultPlan } from '../../support/chaos/fault-plan.ts';

const LEASE_MS = 10_000;

function first(count: number, seed: number): readonly Fault[] {
  const plan = faultPlan(seed, LEASE_MS);
  return Array.from({ length: count }, () => plan.next().value);
}

describe('the faults of a seed', () => {
  it('are the same each time, and others for another seed', () => {
    expect(first(50, 7)).toEqual(first(50, 7));
    expect(first(50, 7)).not.toEqual(first(50, 8));
  });

  it('are of every kind; short ones are over before a lease is, long ones are not', () => {
    const faults = first(1_000, 1);
    const kinds = Map.groupBy(faults, ({ kind }) => kind);
    expect(kinds.size).toBe(6);
    for (const [kind, those] of kinds) {
      expect(those.length).toBeGreaterThan(40);
      if (kind.endsWith('shortly')) expect(those.every(({ forMs }) => forMs < LEASE_MS)).toBe(true);
      if (kind.endsWith('for long')) expect(those.every(({ forMs }) => forMs > LEASE_MS)).toBe(true);
    }
    expect(faults.every(({ victim }) => victim >= 0 && victim < 1)).toBe(true);
  });
});
