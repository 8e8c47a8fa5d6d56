// Runs a command line of `troupe` in the test's process against a server of the test, with the real program and clock.
import { runProgram } from '../../cli/program.ts';
import { systemClock } from '../../runtime/index.ts';
import { recordingStream } from '../unit/cli/recording.ts';

/** What a command printed and its exit code. */
export interface CommandRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where a command finds its system. */
export interface CommandTarget {
  readonly url: string;
  readonly token: string;
  readonly system: string;
}

/** Runs `troupe ARGS`; aborting the signal is Ctrl-C. */
export async function runCommand(
  { url, token, system }: CommandTarget,
  args: readonly string[],
  signal = new AbortController().signal,
): Promise<CommandRun> {
  const stdout = recordingStream();
  const stderr = recordingStream();
  let code = 0;
  await runProgram([...args, '--server', url, '--token', token], {
    cwd: '/nowhere',
    env: { TROUPE_SYSTEM: system },
    stdin: (async function* () {})(),
    stdout,
    stderr,
    clock: systemClock,
    version: '1.2.3',
    setExitCode: (given) => {
      code = given;
    },
    interruption: () => signal,
    endAfter: () => {},
  });
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}
