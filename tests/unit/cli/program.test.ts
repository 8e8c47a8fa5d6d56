// The command line as a whole: help, version, usage errors and where the common options may stand.
import { describe, expect, it } from 'vitest';
import type { CliEnvironment } from '../../../cli/command-environment.ts';
import { buildProgram, runProgram } from '../../../cli/program.ts';
import { recordingStream, steppedClock } from './recording.ts';

async function run(...args: string[]) {
  const stdout = recordingStream();
  const stderr = recordingStream();
  let exitCode = 0;
  const environment: CliEnvironment = {
    cwd: '/nowhere',
    env: {},
    stdin: (async function* () {})(),
    stdout,
    stderr,
    clock: steppedClock(),
    version: '1.2.3',
    setExitCode: (code) => {
      exitCode = code;
    },
    interruption: () => new AbortController().signal,
    endAfter: () => {},
  };
  await runProgram(args, environment);
  return { exitCode, stdout: stdout.text(), stderr: stderr.text(), environment };
}

describe('the command line', () => {
  it('answers --version and --help with exit code 0', async () => {
    expect(await run('--version')).toMatchObject({ exitCode: 0, stdout: '1.2.3\n', stderr: '' });
    const help = await run('--help');
    expect(help).toMatchObject({ exitCode: 0, stderr: '' });
    expect(help.stdout).toContain('Examples:');
  });

  it.each([
    { args: ['confg'], says: 'Did you mean config?' },
    { args: ['config', 'nope'], says: "unknown command 'nope'" },
    { args: ['config', 'schema', '--nope'], says: "unknown option '--nope'" },
    { args: ['config', 'schema', '--timeout', 'soon'], says: 'Expected a duration' },
    { args: ['config', 'example', '--kind', 'video'], says: 'Allowed choices are image' },
    { args: ['calibrate', 'art', '--target', '2'], says: 'Expected a share above 0 and below 1' },
    {
      args: ['calibrate', 'art', '--thresholds', 'phashRadius,hue'],
      says: 'Expected some of vectors.semantic',
    },
    { args: ['calibrate', 'art', '--pairs', '0'], says: 'Expected a whole number of at least 1' },
    { args: [], says: 'Usage: troupe' },
  ])('ends with exit code 2 for $args', async ({ args, says }) => {
    const { exitCode, stderr, stdout } = await run(...args);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(says);
    expect(stdout).toBe('');
  });

  it.each([
    { args: ['stauts'], says: "unknown command 'stauts' (Did you mean status?)" },
    { args: ['publish', 'photos', '--wiat'], says: "unknown option '--wiat' (Did you mean --wait?)" },
    { args: ['manifest', 'cut'], says: "missing required argument 'dataset'" },
    { args: ['status', '--timeout', 'soon'], says: 'Expected a duration' },
    { args: ['manifest'], says: 'expected a command' },
    { args: [], says: 'expected a command' },
  ])('tells what is wrong with $args as JSON where --json is given', async ({ args, says }) => {
    const { exitCode, stderr, stdout } = await run(...args, '--json');
    expect(exitCode).toBe(2);
    expect(stdout).toBe('');
    expect(JSON.parse(stderr)).toMatchObject({ error: 'usage', remedy: 'See the command with --help.' });
    expect((JSON.parse(stderr) as { readonly message: string }).message).toContain(says);
  });

  it('shows no default that only a program can read', async () => {
    const { environment } = await run('--version');
    const commands = buildProgram(environment).commands.flatMap((command) => [command, ...command.commands]);
    for (const command of commands) {
      const help = command.helpInformation();
      expect(help, command.name()).not.toMatch(/default: [[{]/);
      const durations = command.options.filter(({ flags }) => flags.includes('<duration>'));
      for (const { flags, defaultValue, defaultValueDescription } of durations) {
        expect(
          defaultValue === undefined || /^\d+(ms|s|m|h)$/.test(defaultValueDescription ?? ''),
          flags,
        ).toBe(true);
      }
    }
  });

  it('takes the common options before and after the command', async () => {
    const before = await run('--json', 'config', 'example');
    const after = await run('config', 'example', '--json');
    expect(JSON.parse(before.stdout)).toEqual(JSON.parse(after.stdout));
  });

  it('shows examples in the help of every command', async () => {
    const { environment } = await run('--version');
    const program = buildProgram(environment);
    const leaves = program.commands.flatMap((command) =>
      command.commands.length === 0
        ? [[command.name()]]
        : command.commands.map((sub) => [command.name(), sub.name()]),
    );
    expect(leaves.length).toBeGreaterThan(3);
    for (const path of leaves)
      expect((await run(...path, '--help')).stdout, path.join(' ')).toContain('Examples:');
  });
});
