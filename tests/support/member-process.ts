// A cluster member as a test handles it: a process that can be killed, frozen, thawed and asked to drain, and what it
// has told so far.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { MemberOptions } from './cluster-member.ts';

const PROGRAM = fileURLToPath(new URL('./cluster-member.ts', import.meta.url));

/** One line that a member told. */
export interface MemberLine {
  readonly type: string;
  readonly shard?: string;
  readonly phase?: string;
  readonly epoch?: number;
  readonly error?: string;
}

export class MemberProcess implements AsyncDisposable {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  #told = '';
  #errors = '';
  #code: number | null | undefined;

  constructor(options: MemberOptions) {
    this.name = options.name;
    const child = spawn(process.execPath, [PROGRAM, JSON.stringify(options)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#told += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
    this.#child = child;
    this.#ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => {
        this.#code = code;
        resolve(code);
      });
    });
  }

  /** What it told, in order. */
  get told(): readonly MemberLine[] {
    const lines = this.#told.split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as MemberLine);
  }

  /** Shards that it said it answers for and has not said to have stopped. */
  get answering(): ReadonlySet<string> {
    const shards = new Set<string>();
    for (const { type, phase, shard = '' } of this.told) {
      if (type === 'handoff' && phase === 'answering') shards.add(shard);
      if ((type === 'handoff' && phase === 'stopped') || type === 'fenced') shards.delete(shard);
    }
    return shards;
  }

  /** Its exit code; undefined while it runs. */
  get code(): number | null | undefined {
    return this.#code;
  }

  /** What it wrote to standard error. */
  get errors(): string {
    return this.#errors;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  drain(): void {
    this.#child.kill('SIGTERM');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#code === undefined) this.kill();
    await this.#ended;
  }
}
