// Children by request and auto-shutdown in the supervisor's pure core, driven by hand.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AutoShutdown,
  defaultBackoff,
  InvalidSupervisionOptions,
  type RestartType,
  type Strategy,
  type SupervisedChild,
  type SupervisorAction,
  SupervisorCore,
} from '#supervision';
import { showAction } from './show-action.ts';

/** With the children of recoveries. */
function show(action: SupervisorAction): string {
  switch (action.type) {
    case 'recover':
      return `recover ${action.children.join('')}`;
    case 'schedule':
      return `schedule ${action.recovery} ${action.children.join('')}`;
    default:
      return showAction(action);
  }
}

function childOf(id: string, restart: RestartType = 'permanent', significant = false): SupervisedChild {
  return { id, restart, significant };
}

/** A core whose children answer when the test says so. */
function build(
  strategy: Strategy,
  children: readonly SupervisedChild[],
  autoShutdown: AutoShutdown = 'never',
  maxRestarts = 10,
) {
  const core = new SupervisorCore({
    strategy,
    intensity: { maxRestarts, withinMs: 60_000 },
    backoff: defaultBackoff,
    autoShutdown,
    children,
  });
  const shown = (actions: readonly SupervisorAction[]) => actions.map(show).join(' ');
  const exited = (child: string, abnormal: boolean) =>
    shown(core.handle({ type: 'exited', child, abnormal, nowMs: 0, draw: 0.5 }));
  core.handle({ type: 'start' });
  for (const { id } of children) core.handle({ type: 'started', child: id, nowMs: 0 });
  return {
    core,
    started: (child: string) => shown(core.handle({ type: 'started', child, nowMs: 0 })),
    stopped: (child: string) => shown(core.handle({ type: 'stopped', child })),
    fail: (child: string) => exited(child, true),
    complete: (child: string) => exited(child, false),
    due: (recovery: number) => shown(core.handle({ type: 'due', recovery })),
    stop: () => shown(core.handle({ type: 'stop' })),
    add: (child: SupervisedChild) => shown(core.handle({ type: 'start_child', child, request: 1 })),
    terminate: (child: string) => shown(core.handle({ type: 'terminate_child', child, request: 1 })),
    restart: (child: string) => shown(core.handle({ type: 'restart_child', child, request: 1 })),
    delete: (child: string) => shown(core.handle({ type: 'delete_child', child, request: 1 })),
    list: () => core.children().map(({ id, state }) => `${id} ${state}`),
  };
}

const a = childOf('a');
const b = childOf('b');
const c = childOf('c');

describe('children by request', () => {
  it('are added at the end and answered when they are up', () => {
    const s = build('one_for_one', [a]);
    expect([s.add(b), s.started('b')]).toEqual(['add b +b', '=ok']);
    expect(s.list()).toEqual(['a running', 'b running']);
  });

  it('are not in the list when their start fails', () => {
    const s = build('one_for_one', [a]);
    expect([s.add(b), s.fail('b')]).toEqual(['add b +b', '=start_failed xb']);
    expect(s.list()).toEqual(['a running']);
  });

  it('are refused an id that is taken, by a child alive or down', () => {
    const s = build('one_for_one', [a]);
    expect(s.add(a)).toBe('=already_started');
    s.terminate('a');
    expect(s.add(a)).toBe('=already_started');
    s.stopped('a');
    expect(s.add(a)).toBe('=already_present');
  });

  it('stop by request and stay in the list, down, unless they are temporary', () => {
    const s = build('one_for_one', [a, childOf('t', 'temporary')]);
    expect([s.terminate('a'), s.stopped('a')]).toEqual(['-a', '!a =ok']);
    expect([s.terminate('t'), s.stopped('t')]).toEqual(['-t', 'xt =ok']);
    expect([s.terminate('a'), s.terminate('t')]).toEqual(['=ok', '=not_found']);
    expect(s.list()).toEqual(['a done']);
  });

  it('answer everyone who asks for the same end', () => {
    const s = build('one_for_one', [a]);
    expect([s.terminate('a'), s.terminate('a'), s.stopped('a')]).toEqual(['-a', '', '!a =ok =ok']);
  });

  it('start again by request when they are down, and only then', () => {
    const s = build('one_for_one', [a]);
    expect([s.restart('a'), s.restart('z')]).toEqual(['=running', '=not_found']);
    s.terminate('a');
    s.stopped('a');
    expect([s.restart('a'), s.fail('a')]).toEqual(['+a', '=start_failed !a']);
    expect([s.restart('a'), s.started('a')]).toEqual(['+a', '=ok']);
  });

  it('leave the list by request when they are down, and only then', () => {
    const s = build('one_for_one', [a]);
    expect([s.delete('a'), s.delete('z')]).toEqual(['=running', '=not_found']);
    s.terminate('a');
    s.stopped('a');
    expect(s.delete('a')).toBe('xa =ok');
    expect(s.list()).toEqual([]);
  });

  it('that wait for their restart are neither restarted nor deleted, but can be terminated', () => {
    const s = build('one_for_one', [a]);
    s.fail('a');
    expect(s.fail('a')).toBe('recover a schedule 3 a');
    expect([s.restart('a'), s.delete('a'), s.add(a)]).toEqual([
      '=restarting',
      '=restarting',
      '=already_present',
    ]);
    expect([s.terminate('a'), s.due(3)]).toEqual(['cancel 3 !a =ok', '']);
    expect(s.list()).toEqual(['a done']);
  });

  it('come up without a sibling that was terminated while all waited', () => {
    const s = build('rest_for_one', [a, b]);
    s.fail('a');
    s.stopped('b');
    s.fail('a');
    expect(s.terminate('a')).toBe('!a =ok');
    expect([s.due(3), s.started('b')]).toEqual(['+b', '']);
    expect(s.list()).toEqual(['a done', 'b running']);
  });

  it('that were added while an earlier sibling waits stop before it starts', () => {
    const s = build('rest_for_one', [a]);
    s.fail('a');
    s.fail('a');
    expect([s.add(b), s.started('b')]).toEqual(['add b +b', '=ok']);
    expect([s.due(3), s.stopped('b'), s.started('a'), s.started('b')]).toEqual(['-b', '+a', '+b', '']);
  });

  it('wait for their turn while siblings that they depend on are restarted', () => {
    const s = build('one_for_all', [a, b]);
    s.fail('a');
    expect([s.add(c), s.stopped('b'), s.started('a'), s.started('b'), s.started('c')]).toEqual([
      '',
      '+a',
      '+b',
      'add c +c',
      '=ok',
    ]);
  });

  it('do not wait for siblings under one_for_one', () => {
    const s = build('one_for_one', [a, b]);
    s.fail('a');
    expect([s.add(c), s.terminate('b')]).toEqual(['add c +c', '-b']);
  });

  it('are answered terminated when they are terminated while they start', () => {
    const s = build('one_for_one', []);
    s.add(a);
    expect([s.terminate('a'), s.stopped('a')]).toEqual(['=terminated -a', '!a =ok']);
  });

  it('are refused while the supervisor stops, those that wait included', () => {
    const s = build('rest_for_one', [a, b]);
    s.fail('a');
    s.add(c);
    expect(s.stop()).toBe('=supervisor_stops');
    expect([s.restart('a'), s.stopped('b')]).toEqual(['=supervisor_stops', 'down']);
  });

  it('that ended in order or by request come up again together with their siblings', () => {
    const s = build('one_for_all', [childOf('a', 'transient'), b, c]);
    expect(s.complete('a')).toBe('!a');
    s.terminate('c');
    s.stopped('c');
    s.fail('b');
    expect([s.started('a'), s.started('b'), s.started('c')]).toEqual(['+b', '+c', '']);
  });
});

describe('failures that come while siblings are restarted', () => {
  it('are none when the failed child would have been stopped anyway', () => {
    const s = build('one_for_all', [a, b, c], 'never', 1);
    expect([s.fail('c'), s.fail('a'), s.stopped('b')]).toEqual(['recover abc -b', '', '+a']);
    expect([s.started('a'), s.started('b'), s.started('c')]).toEqual(['+b', '+c', '']);
  });

  it('wait for their turn, and a start that failed is tried again after them', () => {
    const s = build('rest_for_one', [a, b, c], 'never', 2);
    s.fail('b');
    s.fail('a');
    // The failed start of b is forgotten: the restart of a has brought b up.
    expect([s.stopped('c'), s.fail('b'), s.started('a'), s.started('b'), s.started('c')]).toEqual([
      '+b',
      'recover abc +a',
      '+b',
      '+c',
      '',
    ]);
  });
});

describe('a start that failed', () => {
  it('is not tried again where the recovery of an earlier child, which failed too, will do so', () => {
    const s = build('rest_for_one', [a, b, c], 'never', 3);
    s.fail('b');
    s.fail('a');
    expect(s.stopped('c')).toBe('+b');
    // a starts anew together with b and c; it fails, and after the delay all are tried once more. Nobody is retired.
    expect([s.fail('b'), s.fail('a')]).toEqual(['recover abc +a', 'recover abc schedule 4 abc']);
    expect([s.due(4), s.started('a'), s.started('b'), s.started('c')]).toEqual(['+a', '+b', '+c', '']);
  });
});

describe('a start that failed and was to be tried again', () => {
  it('is not once its child was terminated, and those after it stay down with it', () => {
    const s = build('rest_for_one', [a, b]);
    s.fail('a');
    expect([s.terminate('a'), s.stopped('b'), s.fail('a')]).toEqual(['', '+a', '!a =ok !b']);
    expect(s.list()).toEqual(['a done', 'b done']);
  });

  it('leaves those after it out of the significant children that are left, until it is', () => {
    const [x, z] = [childOf('x', 'transient', true), childOf('z', 'transient', true)];
    const s = build('rest_for_one', [x, b, z], 'all_significant');
    s.fail('b');
    expect([s.complete('x'), s.stopped('z'), s.fail('b')]).toEqual(['', '+b', '!x auto_shutdown x ended']);
  });
});

describe('auto-shutdown', () => {
  const x = childOf('x', 'transient', true);
  const y = childOf('y', 'temporary', true);

  it('any_significant: ends the supervisor in order once one significant child is not restarted', () => {
    const s = build('one_for_one', [a, x, y], 'any_significant');
    expect(s.fail('x')).toBe('recover x +x');
    s.started('x');
    expect([s.complete('x'), s.stopped('y'), s.stopped('a')]).toEqual([
      '!x auto_shutdown x -y',
      '-a',
      'ended',
    ]);
  });

  it('all_significant: ends it when the last significant child has ended', () => {
    const s = build('one_for_one', [a, x, y], 'all_significant');
    expect([s.fail('y'), s.complete('x'), s.stopped('a')]).toEqual(['xy', '!x auto_shutdown x -a', 'ended']);
  });

  it('all_significant: one that was started again counts again', () => {
    const s = build('one_for_one', [x, y], 'all_significant');
    s.complete('x');
    s.restart('x');
    s.started('x');
    expect(s.fail('y')).toBe('xy');
    expect(s.complete('x')).toBe('!x auto_shutdown x ended');
  });

  it('does not end it for a child that is not significant, or that was terminated by request', () => {
    const s = build('one_for_one', [childOf('n', 'temporary'), x], 'any_significant');
    expect(s.complete('n')).toBe('xn');
    s.terminate('x');
    expect(s.stopped('x')).toBe('!x =ok');
  });

  it('refuses significant children that could never end it', () => {
    expect(() => build('one_for_one', [x])).toThrow(InvalidSupervisionOptions);
    expect(() => build('one_for_one', [childOf('p', 'permanent', true)], 'any_significant')).toThrow(
      InvalidSupervisionOptions,
    );
  });

  it('refuses two children of one id', () => {
    expect(() => build('one_for_one', [a, a])).toThrow(InvalidSupervisionOptions);
  });
});

describe('requests, failures and answers in any order', () => {
  type Step = { readonly kind: number; readonly pick: number };
  const steps = fc.array(fc.record<Step>({ kind: fc.nat(8), pick: fc.nat(100) }), { maxLength: 60 });
  const strategies = fc.constantFrom<Strategy>('one_for_one', 'rest_for_one', 'one_for_all');

  it('answer each request once, never start what is alive, and end with nothing in hand', () => {
    fc.assert(
      fc.property(strategies, steps, (strategy, script) => {
        const core = new SupervisorCore({
          strategy,
          intensity: { maxRestarts: 1_000, withinMs: 60_000 },
          backoff: defaultBackoff,
          children: [a, b],
        });
        const alive = new Map<string, 'starting' | 'running' | 'stopping'>();
        const timers = new Set<number>();
        const unanswered = new Set<number>();
        let requests = 0;
        let startFailed = false;
        const take = (actions: readonly SupervisorAction[]) => {
          for (const action of actions) {
            if (action.type === 'start') {
              expect(alive.has(action.child)).toBe(false);
              alive.set(action.child, 'starting');
            } else if (action.type === 'stop') {
              expect(alive.get(action.child)).toMatch(/starting|running/);
              alive.set(action.child, 'stopping');
            } else if (action.type === 'remove' || action.type === 'retire') {
              expect(alive.has(action.child)).toBe(false);
            } else if (action.type === 'schedule') timers.add(action.recovery);
            else if (action.type === 'cancel') expect(timers.delete(action.recovery)).toBe(true);
            else if (action.type === 'start_failed') startFailed = true;
            else if (action.type === 'reply') expect(unanswered.delete(action.request)).toBe(true);
          }
        };
        const answer = (pick: number) => {
          const waiting = [...alive].filter(([, state]) => state !== 'running');
          const [child, state] = waiting[pick % waiting.length] ?? [];
          if (child === undefined) return;
          if (state === 'starting') alive.set(child, 'running');
          else alive.delete(child);
          take(core.handle({ type: state === 'starting' ? 'started' : 'stopped', child, nowMs: 0 }));
        };
        const due = () => {
          for (const recovery of [...timers].slice(0, 1)) {
            timers.delete(recovery);
            take(core.handle({ type: 'due', recovery }));
          }
        };
        const exit = (pick: number) => {
          const child = [...alive.keys()][pick % alive.size];
          if (child === undefined) return;
          alive.delete(child);
          take(core.handle({ type: 'exited', child, abnormal: pick % 3 > 0, nowMs: 0, draw: 0.5 }));
        };
        const request = (kind: number, pick: number) => {
          requests += 1;
          unanswered.add(requests);
          const child = 'abcd'.charAt(pick % 4);
          const restart = (['permanent', 'transient', 'temporary'] as const)[pick % 3] ?? 'permanent';
          if (kind === 0) {
            take(core.handle({ type: 'start_child', child: childOf(child, restart), request: requests }));
          } else {
            const type = (['terminate_child', 'restart_child', 'delete_child'] as const)[kind - 1];
            if (type !== undefined) take(core.handle({ type, child, request: requests }));
          }
        };
        take(core.handle({ type: 'start' }));
        for (const { kind, pick } of script) {
          if (kind <= 3) request(kind, pick);
          else if (kind <= 5) answer(pick);
          else if (kind === 6) due();
          else exit(pick);
        }
        for (let turn = 0; turn < 200; turn += 1) {
          answer(0);
          due();
        }
        expect([unanswered.size, timers.size]).toEqual([0, 0]);
        if (startFailed) {
          expect(alive.size).toBe(0);
          return;
        }
        for (const { id, state } of core.children()) {
          expect(`${id} ${state}`).toBe(`${id} ${alive.get(id) ?? 'done'}`);
        }
      }),
      { numRuns: 300 },
    );
  });
});
