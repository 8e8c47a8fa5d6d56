// One contestant of the actors bench: a process that stays warm between rounds and is idle while another one plays.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Answer, type Scenario, type Showing, verify } from './protocol.ts';

/** How a contestant's process is started. */
export interface Launch {
  readonly name: 'troupe' | 'nact' | 'erlang';
  readonly command: string;
  readonly args: readonly string[];
}

/** A contestant that runs on this Node.js; its collector can be called. */
export function nodeLaunch(name: 'troupe' | 'nact'): Launch {
  const script = fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
  return { name, command: process.execPath, args: ['--expose-gc', script] };
}

/** Erlang on one scheduler, its module compiled to `folder`; undefined where there is no Erlang. */
export async function erlangLaunch(folder: string): Promise<Launch | undefined> {
  const source = fileURLToPath(new URL('../erlang/actors_bench.erl', import.meta.url));
  try {
    await promisify(execFile)('erlc', ['-o', folder, source]);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  const args = ['+S', '1:1', '-noshell', '-pa', folder, '-run', 'actors_bench', 'main'];
  return { name: 'erlang', command: 'erl', args };
}

/** A running contestant. */
export class Contestant implements AsyncDisposable {
  readonly name: Launch['name'];
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(launch: Launch) {
    this.name = launch.name;
    this.#process = spawn(launch.command, launch.args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const { stdout } = this.#process;
    if (stdout === null) throw new Error(`${launch.name} has no output`);
    this.#lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  }

  /**
   * Plays one scenario.
   * @throws Error when not everything was handled, or the process ended
   */
  async play(scenario: Scenario, size: number): Promise<Answer> {
    const answer = await this.#answer(scenario, size);
    verify(scenario, size, answer);
    return answer;
  }

  /** Plays what is to be shown, whatever comes of it. */
  show(showing: Showing, size: number): Promise<Answer> {
    return this.#answer(showing, size);
  }

  async #answer(scenario: Scenario | Showing, size: number): Promise<Answer> {
    this.#process.stdin?.write(`${scenario} ${size}\n`);
    for (;;) {
      const line = await this.#lines.next();
      if (line.done) throw new Error(`${this.name} ended in ${scenario} of ${size}`);
      if (!line.value.startsWith('answer ')) continue;
      return JSON.parse(line.value.slice('answer '.length));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.stdin?.end();
    await ended;
  }
}
