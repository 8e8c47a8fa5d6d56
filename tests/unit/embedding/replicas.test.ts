import { describe, expect, it } from 'vitest';
import { ManualClock } from '#testkit';
import { REPLICA_SILENT_MS, Replicas } from '../../../actors/embedding/replicas.ts';
import { Tenants } from '../../../actors/embedding/tenants.ts';

describe('the replicas of a service', () => {
  it('keep a request where there is room for it', () => {
    const replicas = new Replicas('a', new ManualClock());
    replicas.heard({ node: 'b', load: 0, capacity: 64 });
    expect(replicas.choose({ load: 3, capacity: 4 })).toBe('a');
  });

  it('pass it on to the one that has the least to do for what it can', () => {
    const replicas = new Replicas('a', new ManualClock());
    replicas.heard({ node: 'b', load: 6, capacity: 4 });
    replicas.heard({ node: 'c', load: 10, capacity: 32 });
    expect(replicas.choose({ load: 4, capacity: 4 })).toBe('c');
    expect(new Replicas('alone', new ManualClock()).choose({ load: 9, capacity: 4 })).toBe('alone');
  });

  it('count what they passed on before they hear of it, so that one moment of room does not draw all', () => {
    const replicas = new Replicas('a', new ManualClock());
    replicas.heard({ node: 'b', load: 0, capacity: 2 });
    replicas.heard({ node: 'c', load: 0, capacity: 2 });
    const own = { load: 2, capacity: 2 };
    const chosen = Array.from({ length: 4 }, () => replicas.choose(own)).sort();
    expect(chosen).toEqual(['b', 'b', 'c', 'c']);
    expect(replicas.choose(own)).toBe('a');
  });

  it('forget who is gone or was not heard of for long', async () => {
    const clock = new ManualClock();
    const replicas = new Replicas('a', clock);
    replicas.heard({ node: 'a', load: 0, capacity: 9 });
    replicas.heard({ node: 'b', load: 0, capacity: 2 });
    replicas.heard({ node: 'c', load: 0, capacity: 2 });
    replicas.left('b');
    expect(replicas.others.map(({ node }) => node)).toEqual(['c']);
    await clock.advance(REPLICA_SILENT_MS + 1);
    expect(replicas.others).toEqual([]);
  });
});

describe('the places of a tenant', () => {
  it('are its own: who has taken all of them is refused, others are not', () => {
    const tenants = new Tenants(2);
    const [first, second] = [tenants.enter('a'), tenants.enter('a')];
    expect(second).toBeDefined();
    expect(tenants.enter('a')).toBeUndefined();
    expect(tenants.enter('b')).toBeDefined();
    first?.[Symbol.dispose]();
    first?.[Symbol.dispose]();
    expect(tenants.enter('a')).toBeDefined();
    expect(tenants.enter('a')).toBeUndefined();
    expect([...tenants.underWay]).toEqual([
      ['a', 2],
      ['b', 1],
    ]);
  });
});
