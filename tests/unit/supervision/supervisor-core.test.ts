// The supervisor's pure core, driven by hand: orders of start and stop, recoveries, escalation.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  defaultBackoff,
  type RestartIntensity,
  type RestartType,
  type Strategy,
  type SupervisorAction,
  SupervisorCore,
} from '#supervision';
import { showAction } from './show-action.ts';

/** With the figures of recoveries. */
function show(action: SupervisorAction): string {
  switch (action.type) {
    case 'recover':
      return `recover ${action.child} [${action.children.join('')}] ${action.delayMs}`;
    case 'schedule':
      return `schedule ${action.recovery} ${action.delayMs}`;
    default:
      return showAction(action);
  }
}

/** A core with children named by single letters. */
function build(
  strategy: Strategy,
  children: string,
  options: { intensity?: RestartIntensity; restart?: Record<string, RestartType> } = {},
) {
  const core = new SupervisorCore({
    strategy,
    intensity: options.intensity ?? { maxRestarts: 10, withinMs: 60_000 },
    backoff: defaultBackoff,
    children: [...children].map((id) => ({ id, restart: options.restart?.[id] ?? 'permanent' })),
  });
  const shown = (actions: readonly SupervisorAction[]) => actions.map(show).join(' ');
  return {
    core,
    start: () => shown(core.handle({ type: 'start' })),
    started: (child: string, nowMs = 0) => shown(core.handle({ type: 'started', child, nowMs })),
    fail: (child: string, nowMs = 0) =>
      shown(core.handle({ type: 'exited', child, abnormal: true, nowMs, draw: 0.5 })),
    complete: (child: string) =>
      shown(core.handle({ type: 'exited', child, abnormal: false, nowMs: 0, draw: 0.5 })),
    stopped: (child: string) => shown(core.handle({ type: 'stopped', child })),
    due: (recovery: number) => shown(core.handle({ type: 'due', recovery })),
    stop: () => shown(core.handle({ type: 'stop' })),
    allUp() {
      core.handle({ type: 'start' });
      for (const child of children) core.handle({ type: 'started', child, nowMs: 0 });
      return this;
    },
  };
}

describe('SupervisorCore, first start and stop', () => {
  it('starts left to right, each child after the former is up', () => {
    const s = build('one_for_one', 'abc');
    expect([s.start(), s.started('a'), s.started('b'), s.started('c')]).toEqual(['+a', '+b', '+c', 'up']);
  });

  it('is up at once without children', () => {
    expect(build('one_for_one', '').start()).toBe('up');
  });

  it('stops right to left, each child after the later one is down', () => {
    const s = build('one_for_one', 'abc').allUp();
    expect([s.stop(), s.stopped('c'), s.stopped('b'), s.stopped('a')]).toEqual(['-c', '-b', '-a', 'down']);
  });

  it('fails its start when a first start fails, after stopping right to left what was up', () => {
    const s = build('one_for_one', 'abc');
    s.start();
    s.started('a');
    s.started('b');
    expect([s.fail('c'), s.stopped('b'), s.stopped('a')]).toEqual(['-b', '-a', 'start_failed c']);
  });

  it('stops a child that is still starting, and starts no further one', () => {
    const s = build('one_for_one', 'abc');
    s.start();
    s.started('a');
    expect([s.stop(), s.started('b'), s.stopped('b'), s.stopped('a')]).toEqual(['-b', '', '-a', 'down']);
  });

  it('takes a crash that overtook its stop for the end of that stop', () => {
    const s = build('one_for_one', 'ab').allUp();
    s.stop();
    expect([s.fail('b'), s.stopped('a')]).toEqual(['-a', 'down']);
  });

  it('recovers a child that crashes while later ones are still starting for the first time', () => {
    const s = build('one_for_one', 'ab');
    s.start();
    s.started('a');
    expect([s.fail('a'), s.started('a'), s.started('b')]).toEqual(['recover a [a] 0 +a', '', 'up']);
  });
});

describe('SupervisorCore, one_for_one', () => {
  it('restarts the failed child alone and at once', () => {
    const s = build('one_for_one', 'abc').allUp();
    expect([s.fail('b'), s.started('b')]).toEqual(['recover b [b] 0 +b', '']);
  });

  it('counts a failed start during a restart as a restart, with growing delays', () => {
    const s = build('one_for_one', 'a', { intensity: { maxRestarts: 3, withinMs: 60_000 } }).allUp();
    expect([s.fail('a'), s.fail('a'), s.due(3), s.fail('a'), s.due(4), s.fail('a')]).toEqual([
      'recover a [a] 0 +a',
      'recover a [a] 200 schedule 3 200',
      '+a',
      'recover a [a] 400 schedule 4 400',
      '+a',
      'escalate a escalated',
    ]);
  });

  it('recovers several children at the same time, each by its own delay', () => {
    const s = build('one_for_one', 'ab').allUp();
    s.fail('a');
    expect(s.fail('a')).toBe('recover a [a] 200 schedule 3 200');
    expect([s.fail('b'), s.started('b'), s.due(3)]).toEqual(['recover b [b] 0 +b', '', '+a']);
  });

  it('begins the delays anew after enough healthy work, not before', () => {
    const s = build('one_for_one', 'a').allUp();
    s.fail('a', 0);
    s.started('a', 0);
    expect(s.fail('a', 15_099)).toContain('recover a [a] 200');
    s.due(3);
    s.started('a', 20_000);
    expect(s.fail('a', 35_100)).toContain('recover a [a] 0');
  });

  it('ignores a timer of a recovery that is no more', () => {
    const s = build('one_for_one', 'a').allUp();
    s.fail('a');
    s.fail('a');
    expect([s.stop(), s.due(3)]).toEqual(['cancel 3 down', '']);
  });
});

describe('SupervisorCore, rest_for_one', () => {
  it('stops the later children right to left, then starts from the failed one left to right', () => {
    const s = build('rest_for_one', 'abcd').allUp();
    expect([
      s.fail('b'),
      s.stopped('d'),
      s.stopped('c'),
      s.started('b'),
      s.started('c'),
      s.started('d'),
    ]).toEqual(['recover b [bcd] 0 -d', '-c', '+b', '+c', '+d', '']);
  });

  it('waits out the delay only after the later children are down', () => {
    const s = build('rest_for_one', 'ab').allUp();
    s.fail('a');
    s.stopped('b');
    s.started('a');
    s.started('b');
    expect([s.fail('a'), s.stopped('b'), s.due(3)]).toEqual([
      'recover a [ab] 200 -b',
      'schedule 3 200',
      '+a',
    ]);
  });

  it('takes the recovery of a later child over when an earlier one fails meanwhile', () => {
    const s = build('rest_for_one', 'abc').allUp();
    s.fail('b');
    s.stopped('c');
    expect(s.fail('b')).toBe('recover b [bc] 200 schedule 3 200');
    expect([s.fail('a'), s.started('a'), s.started('b'), s.started('c')]).toEqual([
      'cancel 3 recover a [abc] 0 +a',
      '+b',
      '+c',
      '',
    ]);
  });

  it('does not touch earlier children when a later one fails', () => {
    const s = build('rest_for_one', 'abc').allUp();
    expect([s.fail('c'), s.started('c')]).toEqual(['recover c [c] 0 +c', '']);
  });

  it('ends the recovery in hand before it takes up the failure of an earlier child', () => {
    const s = build('rest_for_one', 'abc').allUp();
    s.fail('b');
    s.stopped('c');
    expect([s.fail('a'), s.started('b'), s.started('c'), s.stopped('c'), s.stopped('b')]).toEqual([
      '',
      '+c',
      'recover a [abc] 0 -c',
      '-b',
      '+a',
    ]);
  });
});

describe('SupervisorCore, one_for_all', () => {
  it('stops all others right to left and starts all left to right', () => {
    const s = build('one_for_all', 'abc').allUp();
    expect([s.fail('b'), s.stopped('c'), s.stopped('a'), s.started('a'), s.started('b')]).toEqual([
      'recover b [abc] 0 -c',
      '-a',
      '+a',
      '+b',
      '+c',
    ]);
  });
});

describe('SupervisorCore, restart types', () => {
  it('takes a temporary child that failed off the list and restarts nobody', () => {
    const s = build('rest_for_one', 'ab', { restart: { a: 'temporary' } }).allUp();
    expect(s.fail('a')).toBe('xa');
    expect(s.core.childState('a')).toBeUndefined();
  });

  it('takes a temporary child that went down with its siblings off the list', () => {
    const s = build('rest_for_one', 'abc', { restart: { b: 'temporary' } }).allUp();
    expect([s.fail('a'), s.stopped('c'), s.stopped('b'), s.started('a'), s.started('c')]).toEqual([
      'recover a [abc] 0 -c',
      '-b',
      'xb +a',
      '+c',
      '',
    ]);
  });

  it('restarts a transient child after a crash, not after an end in order', () => {
    const restart = { a: 'transient' } as const;
    expect(build('one_for_one', 'a', { restart }).allUp().fail('a')).toContain('+a');
    expect(build('one_for_one', 'a', { restart }).allUp().complete('a')).toBe('!a');
  });

  it('restarts a permanent child after an end in order', () => {
    expect(build('one_for_one', 'a').allUp().complete('a')).toContain('+a');
  });
});

describe('SupervisorCore, escalation', () => {
  it('stops its children right to left and then fails, once the restarts are used up', () => {
    const s = build('one_for_one', 'abc', { intensity: { maxRestarts: 0, withinMs: 1 } }).allUp();
    expect([s.fail('b'), s.stopped('c'), s.stopped('a')]).toEqual(['escalate b -c', '-a', 'escalated']);
  });

  it('shares the window among all children', () => {
    const s = build('one_for_one', 'ab', { intensity: { maxRestarts: 1, withinMs: 1_000 } }).allUp();
    s.fail('a', 0);
    s.started('a', 0);
    expect(s.fail('b', 999)).toBe('escalate b -a');
  });

  it('goes down as asked when it is stopped while it escalates', () => {
    const s = build('one_for_one', 'ab', { intensity: { maxRestarts: 0, withinMs: 1 } }).allUp();
    s.fail('b');
    expect([s.stop(), s.stopped('a')]).toEqual(['', 'down']);
  });
});

describe('SupervisorCore under any sequence of events', () => {
  type Step = { readonly kind: 'fail' | 'answer' | 'due'; readonly pick: number; readonly gapMs: number };
  const steps = fc.array(
    fc.record<Step>({
      kind: fc.constantFrom('fail', 'answer', 'answer', 'due'),
      pick: fc.nat(100),
      gapMs: fc.nat(5_000),
    }),
    { maxLength: 80 },
  );

  /** Plays a world that answers actions in any order; checks the orders that must hold at each action. */
  function play(strategy: Strategy, count: number, script: readonly Step[], stopAtEnd: boolean) {
    const ids = 'abcdef'.slice(0, count);
    const { core } = build(strategy, ids, { intensity: { maxRestarts: 30, withinMs: 60_000 } });
    const alive = new Map<string, 'starting' | 'running' | 'stopping'>();
    const failed = new Set<string>();
    const timers = new Set<number>();
    const ended: string[] = [];
    let nowMs = 0;
    const take = (actions: readonly SupervisorAction[]) => {
      for (const action of actions) {
        if (action.type === 'start') {
          expect(alive.has(action.child)).toBe(false);
          if (strategy !== 'one_for_one') {
            // Whatever was started before it in order is up, or has failed meanwhile: later children build on it.
            for (const earlier of ids.slice(0, ids.indexOf(action.child))) {
              expect(failed.has(earlier) ? 'running' : alive.get(earlier)).toBe('running');
            }
          }
          failed.delete(action.child);
          alive.set(action.child, 'starting');
        } else if (action.type === 'stop') {
          expect(['starting', 'running']).toContain(alive.get(action.child));
          if (strategy !== 'one_for_one') {
            for (const later of ids.slice(ids.indexOf(action.child) + 1))
              expect(alive.has(later)).toBe(false);
          }
          alive.set(action.child, 'stopping');
        } else if (action.type === 'schedule') timers.add(action.recovery);
        else if (action.type === 'cancel') expect(timers.delete(action.recovery)).toBe(true);
        else if (['escalated', 'start_failed', 'down'].includes(action.type)) ended.push(action.type);
      }
    };
    const pickOf = <T>(from: readonly T[], pick: number): T | undefined => from[pick % from.length];
    const answer = (pick: number) => {
      const waiting = [...alive].filter(([, state]) => state !== 'running');
      const chosen = pickOf(waiting, pick);
      if (chosen === undefined) return;
      const [child, state] = chosen;
      if (state === 'starting') {
        alive.set(child, 'running');
        take(core.handle({ type: 'started', child, nowMs }));
      } else {
        alive.delete(child);
        take(core.handle({ type: 'stopped', child }));
      }
    };
    const due = (pick: number) => {
      const recovery = pickOf([...timers], pick);
      if (recovery === undefined) return;
      timers.delete(recovery);
      take(core.handle({ type: 'due', recovery }));
    };
    const fail = (pick: number) => {
      const child = pickOf([...alive.keys()], pick);
      if (child === undefined) return;
      alive.delete(child);
      failed.add(child);
      take(core.handle({ type: 'exited', child, abnormal: true, nowMs, draw: 0.5 }));
    };
    take(core.handle({ type: 'start' }));
    for (const step of script) {
      nowMs += step.gapMs;
      if (step.kind === 'fail') fail(step.pick);
      else if (step.kind === 'due') due(step.pick);
      else answer(step.pick);
    }
    if (stopAtEnd) take(core.handle({ type: 'stop' }));
    for (let turn = 0; turn < 100; turn += 1) {
      answer(0);
      due(0);
    }
    return { alive, timers, ended, ids };
  }

  it.each(['one_for_one', 'rest_for_one', 'one_for_all'] as const)(
    '%s ends with all children up, or with none alive and one reason',
    (strategy) => {
      fc.assert(
        fc.property(fc.integer({ min: 1, max: 6 }), steps, (count, script) => {
          const { alive, timers, ended, ids } = play(strategy, count, script, false);
          expect(timers.size).toBe(0);
          if (ended.length === 0) {
            expect([...ids].every((id) => alive.get(id) === 'running')).toBe(true);
          } else {
            expect([ended.length, alive.size]).toEqual([1, 0]);
          }
        }),
      );
    },
  );

  it.each(['one_for_one', 'rest_for_one', 'one_for_all'] as const)(
    '%s goes down completely whenever it is asked to',
    (strategy) => {
      fc.assert(
        fc.property(fc.integer({ min: 1, max: 6 }), steps, (count, script) => {
          const { alive, timers, ended } = play(strategy, count, script, true);
          expect([alive.size, timers.size, ended.length]).toEqual([0, 0, 1]);
        }),
      );
    },
  );
});
