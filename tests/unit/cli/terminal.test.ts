// What commands print, and which exit code an error becomes.
import { describe, expect, it } from 'vitest';
import { CommandError, UsageError } from '../../../cli/command-error.ts';
import { ConfigError } from '../../../cli/config/index.ts';
import { ExitCode } from '../../../cli/exit-code.ts';
import { formatTable, Terminal } from '../../../cli/terminal.ts';
import { recordingStream, steppedClock } from './recording.ts';

function terminalOf(options: { tty?: boolean; env?: Record<string, string>; json?: boolean } = {}) {
  const stdout = recordingStream(options.tty ?? false);
  const stderr = recordingStream(options.tty ?? false);
  const clock = steppedClock();
  const { env = {}, json = false } = options;
  return { stdout, stderr, clock, terminal: new Terminal({ stdout, stderr, clock, env, json }) };
}

class NatsUnreachable extends Error {
  override readonly name = 'NatsUnreachable';
}

describe('an error', () => {
  it.each([
    [new ConfigError([{ place: 'f:1:1', path: 'a', message: 'expected b, got c' }]), ExitCode.usage],
    [new UsageError('expected x'), ExitCode.usage],
    [new CommandError('check_failed', 'two are missing'), ExitCode.no],
    [new CommandError('no_running_system', 'none'), ExitCode.unreachable],
    [new NatsUnreachable('refused'), ExitCode.unreachable],
    [new Error('boom'), ExitCode.no],
    ['just a text', ExitCode.no],
  ])('%s becomes exit code %d', (error, exitCode) => {
    expect(terminalOf().terminal.fail(error)).toBe(exitCode);
  });

  it('is printed to standard error with its code and what to do', () => {
    const { terminal, stderr, stdout } = terminalOf();
    terminal.fail(new CommandError('no_running_system', 'no running system found in .troupe'));
    expect(stderr.text()).toBe(
      'error no_running_system: no running system found in .troupe\nStart one with `troupe up`, or give --server; `system` in troupe.yaml says how it is called.\n',
    );
    expect(stdout.text()).toBe('');
  });

  it('is one JSON object with --json', () => {
    const { terminal, stderr } = terminalOf({ json: true });
    terminal.fail(new UsageError('expected x, got y'));
    expect(JSON.parse(stderr.text())).toEqual({
      error: 'usage',
      message: 'expected x, got y',
      remedy: 'See the command with --help.',
    });
  });

  it('that nobody expected shows its stack only when asked', () => {
    const quiet = terminalOf();
    const loud = terminalOf({ env: { TROUPE_DEBUG: '1' } });
    const error = new Error('boom', { cause: new Error('the reason') });
    quiet.terminal.fail(error);
    loud.terminal.fail(error);
    expect(quiet.stderr.text()).not.toContain('    at ');
    expect(loud.stderr.text()).toContain('    at ');
    expect(loud.stderr.text()).toContain('caused by Error: the reason');
  });
});

describe('what strangers wrote', () => {
  const hostile = 'a\u001b]0;title\u0007\u009b2J\rb \u202egpj.exe';
  const shown = 'a\\u001b]0;title\\u0007\\u009b2J\\u000db \\u202egpj.exe';

  it('cannot command the terminal, in lines, tables, remarks, progress and errors', () => {
    const { terminal, stdout, stderr } = terminalOf();
    terminal.print(hostile);
    terminal.table([{ title: 'id' }], [[hostile]]);
    expect(stdout.text()).toBe(`${shown}\nid\n${shown}\n`);
    terminal.note(hostile);
    terminal.progress().done(hostile);
    terminal.fail(new UsageError(hostile));
    expect(stderr.text()).toContain(`${shown}\n${shown}\nerror usage: ${shown}\n`);
  });

  it('is the same value in JSON, written so that no terminal obeys it', () => {
    const { terminal, stdout } = terminalOf({ json: true });
    terminal.printJson({ id: hostile });
    expect(stdout.text()).toContain(shown.replace('\\u000d', '\\r'));
    expect(JSON.parse(stdout.text())).toEqual({ id: hostile });
  });

  it('leaves styles and tabs alone', () => {
    const { terminal, stdout } = terminalOf({ tty: true });
    terminal.print(`${terminal.style('bold', 'a')}\tb`);
    expect(stdout.text()).toBe('\u001b[1ma\u001b[22m\tb\n');
  });
});

describe('a table', () => {
  it('has columns as wide as their widest cell, numbers to the right, no trailing blanks', () => {
    const lines = formatTable(
      [{ title: 'name' }, { title: 'items', align: 'right' }, { title: 'note' }],
      [
        ['photos', 7, ''],
        ['a', 1200, 'x'],
      ],
    );
    expect(lines).toEqual(['name    items  note', 'photos      7', 'a        1200  x']);
  });
});

describe('styles', () => {
  it('are shown on a terminal, but not with NO_COLOR nor in a pipe', () => {
    expect(terminalOf({ tty: true }).terminal.style('red', 'x')).toBe('\u001b[31mx\u001b[39m');
    expect(terminalOf({ tty: true, env: { NO_COLOR: '1' } }).terminal.style('red', 'x')).toBe('x');
    expect(terminalOf().terminal.style('red', 'x')).toBe('x');
  });
});

describe('a JSON value', () => {
  it('is the only output with --json', () => {
    const { terminal, stdout } = terminalOf({ json: true });
    terminal.show({ a: 1 }, () => terminal.print('words'));
    expect(stdout.text()).toBe('{"a":1}\n');
  });

  it('is not printed without --json', () => {
    const { terminal, stdout } = terminalOf();
    terminal.show({ a: 1 }, () => terminal.print('words'));
    expect(stdout.text()).toBe('words\n');
  });
});

describe('a progress line', () => {
  it('rewrites itself on a terminal, cut to its width', () => {
    const { terminal, stderr, clock } = terminalOf({ tty: true });
    const progress = terminal.progress();
    progress.update('1 of 3');
    clock.advance(50);
    progress.update('2 of 3');
    clock.advance(100);
    progress.update('x'.repeat(200));
    progress.done('3 of 3');
    expect(stderr.text()).toBe(`\r\u001b[2K1 of 3\r\u001b[2K${'x'.repeat(79)}\r\u001b[2K3 of 3\n`);
  });

  it('is a line every five seconds in a pipe, and the last state always', () => {
    const { terminal, stderr, clock } = terminalOf();
    const progress = terminal.progress();
    progress.update('1 of 3');
    clock.advance(4999);
    progress.update('2 of 3');
    clock.advance(1);
    progress.update('2 of 3, later');
    progress.done('3 of 3');
    expect(stderr.text()).toBe('1 of 3\n2 of 3, later\n3 of 3\n');
  });
});
