// Named places where chaos tests kill the process.

import { describe, expect, it } from 'vitest';
import { InvalidFaultSpec, killAt, noFaults } from '#runtime';

describe('killAt', () => {
  it('kills at the nth reach of its place only', () => {
    let kills = 0;
    const faults = killAt('journal:after-append:3', () => {
      kills += 1;
    });
    const after = [
      'journal:after-append',
      'other',
      'journal:after-append',
      'journal:after-append',
      'other',
    ].map((point) => {
      faults.reach(point);
      return kills;
    });
    expect(after).toEqual([0, 0, 0, 1, 1]);
  });

  it.each(['', 'point', 'point:', 'point:0', 'point:-1', 'point:x', ':1'])('refuses "%s"', (spec) => {
    expect(() => killAt(spec)).toThrow(InvalidFaultSpec);
  });

  it('has a counterpart that does nothing', () => {
    expect(noFaults.reach('anywhere')).toBeUndefined();
  });
});
