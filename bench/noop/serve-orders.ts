// A client's end of the channel: carries out what the bench orders until the bench lets go of it.
import { tuneCollector } from '../../cli/node/collector.ts';
import type { NoopAnswer, NoopOrder } from './protocol.ts';

/** What a client does with an order; the clock runs from `started` until the promise resolves. */
export type CarryOut = (order: NoopOrder) => Promise<NoopRun>;

/** A run whose queues are ready. */
export interface NoopRun {
  /** Sends everything and resolves when the last stage has acknowledged everything. */
  start(): Promise<void>;
  /** Ids at the end of the last stage, once nothing is left in any queue. */
  finish(): Promise<Pick<NoopAnswer, 'distinct' | 'finished'>>;
}

/** Answers orders; `end` is called when the bench is done. */
export function serveOrders(prepare: CarryOut, end: () => Promise<void>): void {
  tuneCollector(); // as every node does; it is good for the other client, too
  process.on('message', (order) => {
    void answer(order as NoopOrder, prepare);
  });
  process.once('disconnect', () => void end());
}

async function answer(order: NoopOrder, prepare: CarryOut): Promise<void> {
  const run = await prepare(order);
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  await run.start();
  const seconds = (performance.now() - startedMs) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const answer: NoopAnswer = { ...(await run.finish()), seconds, cpuMs: (user + system) / 1000 };
  process.send?.(answer);
}
