// The bench's end of a client: a process that takes orders over its channel to the bench, one at a time.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type NoopAnswer, type NoopOrder, verifyNoop } from './protocol.ts';

/** A running client. */
export class NoopClient implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #script: string;

  /** @param script a file beside this one; @param args what it needs to find its server */
  constructor(script: 'troupe-client.ts' | 'bullmq-client.ts', args: readonly string[]) {
    this.#script = script;
    this.#process = fork(fileURLToPath(new URL(`./${script}`, import.meta.url)), [...args]);
  }

  /**
   * Carries out one order.
   * @throws Error when not every id came to the end exactly once, or the process ended
   */
  async run(order: NoopOrder): Promise<NoopAnswer> {
    const over = new AbortController();
    try {
      const { signal } = over;
      const answered = once(this.#process, 'message', { signal });
      const ended = once(this.#process, 'exit', { signal });
      this.#process.send(order);
      const answer = await Promise.race([
        answered.then(([answer]) => answer as NoopAnswer),
        ended.then(([code]) => {
          throw new Error(`${this.#script} ended with exit code ${code} in a run of ${order.items}`);
        }),
      ]);
      verifyNoop(order, answer);
      return answer;
    } finally {
      over.abort();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.disconnect();
    await ended;
  }
}
