import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { type AuditEntry, actionsOf } from '../../../cli/audit-log/audit-entry.ts';
import { type Action, AUDITED_COMMANDS, actionOf } from '../../../cli/audit-log/audited-commands.ts';
import { buildProgram } from '../../../cli/program.ts';
import { recordingStream, steppedClock } from './recording.ts';

/** Commands that change nothing of a running system for others, or (`publish`, `up`) are accounted for elsewhere. */
const UNTOLD = [
  'demo',
  'init',
  'up',
  'publish',
  'status',
  'events',
  'audit-log',
  'dataset list',
  'dataset show',
  'manifest list',
  'manifest show',
  'manifest diff',
  'manifest export',
  'manifest verify',
  'explain',
  'audit',
  'report',
  'dead list',
  'dead show',
  'shards list',
  'shards plan',
  'hash',
  'config check',
  'config schema',
  'config example',
  'model list',
  'model inspect',
  'model bench',
  'cache stats',
  'config streams',
  // They work on a folder, which keeps what became of each key.
  'secure init',
  'secure add-user',
  'secure rotate',
  'secure revoke',
  'secure renew',
  'secure show',
];

const entry = (id: string, phase: AuditEntry['phase'], exitCode: number | null): AuditEntry => ({
  version: 1,
  id,
  phase,
  at: '2026-01-01T00:00:00Z',
  as: null,
  command: 'dataset set',
  operands: [],
  options: {},
  exitCode,
});
const stored = (who: string, of: AuditEntry, storedAt = '2026-01-01T00:00:01Z') => ({
  who,
  entry: of,
  storedAt,
});

function programForTests(): Command {
  return buildProgram({
    cwd: '/nowhere',
    env: {},
    stdin: (async function* () {})(),
    stdout: recordingStream(),
    stderr: recordingStream(),
    clock: steppedClock(),
    version: '1.2.3',
    setExitCode: () => {},
    interruption: () => new AbortController().signal,
    endAfter: () => {},
  });
}

/** The action of a command line, without running its command. */
async function actionIn(args: readonly string[]): Promise<Action | undefined> {
  let found: Action | undefined;
  const program = programForTests();
  const quiet = (command: Command): void => {
    if (command.commands.length === 0) {
      command.action((...given: unknown[]) => {
        found = actionOf(given.at(-1) as Command);
      });
    }
    command.commands.forEach(quiet);
  };
  quiet(program);
  await program.parseAsync(args, { from: 'user' });
  return found;
}

describe('the audit log', () => {
  it('has decided of every command whether it is told', () => {
    const leaves = (command: Command, path: readonly string[]): readonly string[] =>
      command.commands.length === 0
        ? [path.join(' ')]
        : command.commands.flatMap((each) => leaves(each, [...path, each.name()]));
    expect([...AUDITED_COMMANDS, ...UNTOLD].sort()).toEqual([...leaves(programForTests(), [])].sort());
  });

  it('shows an action without an end as open, and one with an end by its exit code', () => {
    const actions = actionsOf([
      stored('A', entry('1', 'begun', null)),
      stored('A', entry('2', 'begun', null)),
      stored('A', entry('2', 'ended', 0)),
      stored('A', entry('3', 'begun', null)),
      stored('A', entry('3', 'ended', 2)),
    ]);
    expect(actions.map(({ id, result }) => [id, result])).toEqual([
      ['1', 'open'],
      ['2', 'done'],
      ['3', 'failed'],
    ]);
  });

  it('believes no end that somebody else tells, and no second one', () => {
    const actions = actionsOf([
      stored('A', entry('1', 'begun', null)),
      stored('B', entry('1', 'ended', 0)),
      stored('A', entry('1', 'ended', 1)),
      stored('A', entry('1', 'ended', 0)),
    ]);
    expect(actions.map(({ who, result }) => [who, result])).toEqual([
      ['A', 'failed'],
      ['B', 'done'],
    ]);
  });

  it('keeps nothing of what is erased but how much was named', async () => {
    const action = await actionIn(['erase', 'photos', 'a/person.jpg', 'b.jpg', '--reason', 'asked']);
    expect(action).toMatchObject({
      command: 'erase',
      operands: ['photos', '(2 named)'],
      options: { reason: 'asked' },
    });
    expect(JSON.stringify(action)).not.toContain('person');
  });

  it('keeps nothing of what says where and who', async () => {
    const action = await actionIn([
      '--password',
      'hidden',
      'manifest',
      'cut',
      'photos',
      '--token',
      'hidden',
      '--nkey',
      'hidden',
    ]);
    expect(JSON.stringify(action)).not.toContain('hidden');
  });

  it('does not tell of a command whose options make it change nothing', async () => {
    expect(await actionIn(['erase', 'photos', 'a', '--dry-run'])).toBeUndefined();
    expect(await actionIn(['calibrate', 'photos'])).toBeUndefined();
    expect(await actionIn(['calibrate', 'photos', '--apply'])).toMatchObject({ command: 'calibrate' });
    expect(await actionIn(['dataset', 'list'])).toBeUndefined();
  });
});
