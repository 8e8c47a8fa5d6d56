// The contestant's end of the bench's lines, for those that run on Node.js, and what their scenarios share.
import { createInterface } from 'node:readline';
import type { Answer, Play } from './protocol.ts';

/** Plays whatever the bench asks for until it closes the input. */
export async function serve(plays: Readonly<Record<string, Play>>): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const [scenario = '', size] = line.split(' ');
    const play = plays[scenario];
    if (play === undefined) throw new Error(`expected a scenario, but it was "${scenario}"`);
    // What a former scenario left behind is not this one's to clear away.
    globalThis.gc?.();
    const answer = await play(Number(size));
    process.stdout.write(`answer ${JSON.stringify(answer)}\n`);
  }
}

/** Counts what is handled and tells when `size` is reached. */
export class Tally {
  handled = 0;
  sum = 0;
  readonly #size: number;
  readonly #complete = Promise.withResolvers<void>();
  readonly #startedMs = performance.now();

  constructor(size: number) {
    this.#size = size;
  }

  add(n: number): void {
    this.handled += 1;
    this.sum += n;
    if (this.handled === this.#size) this.#complete.resolve();
  }

  /** Waits for the last one. */
  async answer(figures?: Answer['figures']): Promise<Answer> {
    await this.#complete.promise;
    return this.asFarAs(figures);
  }

  /** What has been handled by now, be it all or not. */
  asFarAs(figures?: Answer['figures']): Answer {
    const seconds = (performance.now() - this.#startedMs) / 1000;
    return { handled: this.handled, sum: this.sum, seconds, ...(figures && { figures }) };
  }
}

/** `size` requests by `askers` who each ask again when answered; `ask` resolves to what the actor replied. */
export async function askAll(
  size: number,
  askers: number,
  ask: (n: number) => Promise<number>,
): Promise<Answer> {
  const tally = new Tally(size);
  let next = 0;
  const asker = async () => {
    while (next < size) {
      const n = next;
      next += 1;
      tally.add(await ask(n));
    }
  };
  await Promise.all(Array.from({ length: askers }, asker));
  return tally.answer();
}

/** Bytes of the heap and what hangs on it once everything that can be collected is gone. */
export async function settledBytes(): Promise<number> {
  for (let round = 0; round < 3; round += 1) {
    globalThis.gc?.();
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
