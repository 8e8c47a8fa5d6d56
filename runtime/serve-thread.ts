// The thread's side of a worker-thread actor: the module that a `threadActor` names calls `serveThread` once,
// and from then on answers the requests of its actor.
import { parentPort, workerData } from 'node:worker_threads';
import { InvalidSpec } from './actor-errors.ts';
import { useGate } from './native-call.ts';
import { beat } from './thread-heartbeat.ts';
import { sendError, type ThreadAnswer, type ThreadOrder, type ThreadStart } from './thread-protocol.ts';

/** What a thread does. */
export interface ThreadService<Q, R> {
  /** Runs once, with the actor's `data`, before any request. Rejecting is a failed start of the actor. */
  start?(data: unknown): void | Promise<void>;
  /**
   * Answers one request. What it throws fails that request's reply, with `name`, `message` and a string
   * `code`, and the thread goes on. `transfer` lists buffers of the result that are moved, not copied. `signal`
   * aborts when the actor is being stopped: whoever waits may end early, before the thread is terminated.
   */
  handle(
    request: Q,
    signal: AbortSignal,
  ): Promise<{ readonly result: R; readonly transfer?: readonly ArrayBuffer[] }>;
}

/**
 * Serves requests on this worker thread until its actor terminates it.
 * @throws InvalidSpec on a thread that no `threadActor` started
 */
export function serveThread<Q, R>(service: ThreadService<Q, R>): void {
  const port = parentPort;
  if (port === null)
    throw new InvalidSpec('expected a worker thread of a thread actor, but this is the main thread');
  // The actor's side writes what this side reads.
  const { data, pulse, gate, concurrency } = workerData as ThreadStart;
  useGate(gate);
  const stopping = new AbortController();
  const waiting: { readonly id: number; readonly request: unknown }[] = [];
  let inHand = 0;
  const answer = (message: ThreadAnswer, transfer: readonly ArrayBuffer[] = []) =>
    port.postMessage(message, transfer);

  const begin = (): void => {
    while (inHand < concurrency) {
      const next = waiting.shift();
      if (next === undefined) return;
      inHand += 1;
      void handle(next.id, next.request).finally(() => {
        inHand -= 1;
        begin();
      });
    }
  };
  const handle = async (id: number, request: unknown): Promise<void> => {
    try {
      // The actor at the other end is typed by the same Q.
      const { result, transfer } = await service.handle(request as Q, stopping.signal);
      answer({ type: 'result', id, result }, transfer);
    } catch (thrown) {
      answer({ type: 'failed', id, error: sendError(thrown) });
    }
  };
  const obey = (order: ThreadOrder): void => {
    switch (order.type) {
      case 'request':
        waiting.push(order);
        begin();
        break;
      case 'stop':
        stopping.abort();
        break;
    }
  };
  const start = async (): Promise<void> => {
    try {
      // Listening first keeps the thread alive while the hook waits for something that does not.
      port.on('message', obey);
      beat(pulse);
      await service.start?.(data);
      answer({ type: 'ready' });
    } catch (thrown) {
      answer({ type: 'start_failed', error: sendError(thrown) });
    }
  };
  void start();
}
