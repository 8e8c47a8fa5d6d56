import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type BreakerCall,
  BreakerCore,
  type BreakerOptions,
  callsToTheDead,
  checkBreaker,
} from '#supervision';

const OPTIONS: BreakerOptions = {
  failures: 3,
  failureRate: 0.5,
  minCalls: 10,
  windowMs: 10_000,
  minOpenMs: 1_000,
  maxOpenMs: 8_000,
  jitter: 0,
};
const MIDDLE = 0.5;

function admitted(core: BreakerCore, nowMs: number): BreakerCall {
  const decision = core.ask(nowMs);
  if (decision.type !== 'admit') throw new Error(`refused at ${nowMs}`);
  return decision.call;
}

const fail = (core: BreakerCore, nowMs: number, call = admitted(core, nowMs)) =>
  void core.handle({ type: 'failed', call, nowMs, draw: MIDDLE });
const succeed = (core: BreakerCore, nowMs: number, call = admitted(core, nowMs)) =>
  void core.handle({ type: 'succeeded', call, nowMs });

/** Opens at 0, until 1,000. */
function opened(options: Partial<BreakerOptions> = {}): BreakerCore {
  const core = new BreakerCore({ ...OPTIONS, ...options });
  for (let failure = 0; failure < OPTIONS.failures; failure++) fail(core, 0);
  return core;
}

describe('a closed breaker', () => {
  it('opens at the last of so many failures in a row, and a success begins the row anew', () => {
    const core = new BreakerCore(OPTIONS);
    fail(core, 0);
    fail(core, 1);
    succeed(core, 2);
    fail(core, 3);
    fail(core, 4);
    expect(core.state).toBe('closed');
    fail(core, 5);
    expect(core.state).toBe('open');
    expect(core.retryAtMs).toBe(1_005);
  });

  it('opens at the share of failures in its window, once there are calls enough', () => {
    const core = new BreakerCore(OPTIONS);
    for (let call = 0; call < 4; call++) {
      fail(core, call);
      succeed(core, call);
    }
    fail(core, 8);
    expect(core.state).toBe('closed');
    fail(core, 9);
    expect(core.state).toBe('open');
  });

  it('forgets what is older than its window', () => {
    const core = new BreakerCore(OPTIONS);
    for (let call = 0; call < 4; call++) {
      fail(core, call);
      succeed(core, call);
    }
    for (let call = 0; call < 2; call++) fail(core, 10_000 + call);
    expect(core.state).toBe('closed');
  });

  it('looks at failures in a row alone where the share is 1', () => {
    const core = new BreakerCore({ ...OPTIONS, failures: 100, failureRate: 1, minCalls: 1 });
    for (let call = 0; call < 99; call++) fail(core, call);
    expect(core.state).toBe('closed');
  });
});

describe('an open breaker', () => {
  it('refuses and says until when, then lets one probe through and nothing beside it', () => {
    const core = opened();
    expect(core.ask(999)).toEqual({ type: 'refuse', retryAtMs: 1_000 });
    expect(core.ask(1_000)).toMatchObject({ type: 'admit' });
    expect(core.state).toBe('half_open');
    expect(core.ask(1_000)).toEqual({ type: 'refuse' });
    expect(core.ask(100_000)).toEqual({ type: 'refuse' });
  });

  it('closes when the probe succeeds, and is then as at the beginning', () => {
    const core = opened();
    succeed(core, 1_000);
    expect(core.state).toBe('closed');
    fail(core, 1_001);
    fail(core, 1_002);
    expect(core.state).toBe('closed');
    fail(core, 1_003);
    expect(core.retryAtMs).toBe(2_003);
  });

  it('stays open twice as long after each failed probe, up to its limit', () => {
    const core = opened();
    const times: number[] = [];
    for (let probe = 0, nowMs = 1_000; probe < 5; probe++) {
      fail(core, nowMs);
      const retryAtMs = core.retryAtMs ?? Number.NaN;
      times.push(retryAtMs - nowMs);
      nowMs = retryAtMs;
    }
    expect(times).toEqual([2_000, 4_000, 8_000, 8_000, 8_000]);
  });

  it('gives the next asker the probe when the last one ended without a word', () => {
    const core = opened();
    const probe = admitted(core, 1_000);
    core.handle({ type: 'released', call: probe });
    expect(core.state).toBe('half_open');
    expect(core.ask(1_001)).toMatchObject({ type: 'admit' });
    expect(core.ask(1_001)).toEqual({ type: 'refuse' });
  });

  it('does not hear what calls of an earlier period have to tell', () => {
    const core = new BreakerCore(OPTIONS);
    const late = [admitted(core, 0), admitted(core, 0)] as const;
    for (let failure = 0; failure < 3; failure++) fail(core, 0);
    succeed(core, 10, late[0]);
    expect(core.state).toBe('open');
    const probe = admitted(core, 1_000);
    fail(core, 1_001, late[1]);
    expect(core.state).toBe('half_open');
    succeed(core, 1_002, probe);
    expect(core.state).toBe('closed');
  });

  it('does not hear a probe that was given back and reports again', () => {
    const core = new BreakerCore({ ...OPTIONS, failures: 1 });
    fail(core, 0);
    const probe = admitted(core, 1_000);
    core.handle({ type: 'released', call: probe });
    succeed(core, 1_001, probe);
    expect(core.state).toBe('half_open');
    fail(core, 1_002, probe);
    expect(core.state).toBe('half_open');
    succeed(core, 1_003, admitted(core, 1_003));
    expect(core.state).toBe('closed');
  });

  it('spreads its times by the jitter and never beyond the limit', () => {
    for (const [draw, expected] of [
      [0, 800],
      [0.5, 1_000],
      [0.999_999, 1_200],
    ] as const) {
      const core = new BreakerCore({ ...OPTIONS, failures: 1, jitter: 0.2 });
      core.handle({ type: 'failed', call: admitted(core, 0), nowMs: 0, draw });
      expect(Math.round(core.retryAtMs ?? 0)).toBe(expected);
    }
    const core = new BreakerCore({ ...OPTIONS, failures: 1, minOpenMs: 8_000, jitter: 1 });
    core.handle({ type: 'failed', call: admitted(core, 0), nowMs: 0, draw: 0.9 });
    expect(core.retryAtMs).toBe(8_000);
  });
});

describe('under any interleaving of callers', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('ask' as const) }) },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constantFrom('succeeded' as const, 'failed' as const, 'released' as const),
        // From the latest call back: those of the present period are what matters.
        back: fc.nat(3),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(3_000) }) },
  );

  it('at most one probe is under way, none before its time, and only its end decides', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const core = new BreakerCore({ ...OPTIONS, failures: 1 });
        const underWay: BreakerCall[] = [];
        const probes = new Set<BreakerCall>();
        let nowMs = 0;
        for (const each of steps) {
          if (each.do === 'wait') nowMs += each.ms;
          else if (each.do === 'ask') {
            const { state, retryAtMs } = core;
            const decision = core.ask(nowMs);
            if (state === 'closed') expect(decision.type).toBe('admit');
            if (state === 'open') expect(decision.type === 'admit').toBe(nowMs >= (retryAtMs ?? 0));
            if (decision.type !== 'admit') continue;
            underWay.push(decision.call);
            if (core.state !== 'half_open') continue;
            expect(probes.size).toBe(0);
            probes.add(decision.call);
          } else {
            const call = underWay.at(-1 - each.back);
            if (call === undefined) continue;
            const wasProbe = probes.delete(call);
            const before = core.state;
            // A call may report again later: it stays in the list.
            core.handle({ type: each.do, call, nowMs, draw: MIDDLE });
            if (before === 'half_open' && !wasProbe) expect(core.state).toBe('half_open');
            if (before === 'half_open' && wasProbe) {
              const next = { succeeded: 'closed', failed: 'open', released: 'half_open' } as const;
              expect(core.state).toBe(next[each.do]);
            }
            if (before === 'open') expect(core.state).toBe('open');
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('options of a breaker', () => {
  it.each([
    ['failures', 0],
    ['failures', 1.5],
    ['failureRate', 0],
    ['failureRate', 1.1],
    ['minCalls', 0],
    ['windowMs', 0],
    ['minOpenMs', 0],
    ['maxOpenMs', 999],
    ['jitter', -0.1],
  ] as const)('refuse %s of %d', (field, value) => {
    expect(() => checkBreaker({ ...OPTIONS, [field]: value })).toThrow(new RegExp(`^${field} must be`));
  });
});

describe('a dependency that never answers', () => {
  it.each([
    ['until it opens', 500, 3],
    ['and its probes, after 1, 3, 7, 15, 23 … seconds', 20_000, 7],
  ])('gets so many calls: %s', (_, withinMs, calls) => {
    expect(callsToTheDead(OPTIONS, withinMs)).toBe(calls);
    const core = new BreakerCore(OPTIONS);
    let made = 0;
    for (let nowMs = 0; nowMs < withinMs; nowMs += 10) {
      const decision = core.ask(nowMs);
      if (decision.type === 'refuse') continue;
      made += 1;
      fail(core, nowMs, decision.call);
    }
    expect(made).toBe(calls);
  });
});
