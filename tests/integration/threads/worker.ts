// A thread that does what the tests ask for, good or bad.
import { setTimeout as sleep } from 'node:timers/promises';
import { nativeCall, serveThread } from '#runtime';

export type Order =
  | { readonly do: 'double'; readonly of: number }
  | { readonly do: 'fill'; readonly buffer: ArrayBuffer }
  | { readonly do: 'thread-data' }
  | { readonly do: 'throw'; readonly message: string; readonly code?: string }
  /** Counts `marks[0]` up and answers what it was. */
  | { readonly do: 'next'; readonly marks: Int32Array<SharedArrayBuffer> }
  | { readonly do: 'exit' }
  /** Throws outside of the request, as a stray callback would. */
  | { readonly do: 'stray' }
  | { readonly do: 'hang' }
  /** Answers, and then never lets go of the event loop. */
  | { readonly do: 'hang-after' }
  /** Holds the event loop for so long, then answers. */
  | { readonly do: 'work'; readonly forMs: number }
  /** Blocks in native code until `flag[0]` is set; `flag[1]` is set when it is out. */
  | { readonly do: 'native'; readonly flag: Int32Array<SharedArrayBuffer> }
  /** Answers once the actor is being stopped. */
  | { readonly do: 'until-stopped' }
  | { readonly do: 'never' }
  | { readonly do: 'grow' };

export type Outcome = number | ArrayBuffer | string;

/** `failStart`: the start hook throws. `hangStart`: it never returns. `startMs`: it takes so long. */
export interface WorkerData {
  readonly failStart?: boolean;
  readonly hangStart?: boolean;
  readonly startMs?: number;
  readonly label?: string;
}

let label = '';

serveThread<Order, Outcome>({
  async start(data: WorkerData) {
    if (data.failStart) throw Object.assign(new Error('the model is broken'), { code: 'bad_model' });
    if (data.hangStart) return new Promise(() => {});
    if (data.startMs !== undefined) await sleep(data.startMs);
    label = data.label ?? '';
  },
  async handle(order, signal) {
    switch (order.do) {
      case 'double':
        return { result: order.of * 2 };
      case 'fill': {
        new Uint8Array(order.buffer).fill(7);
        return { result: order.buffer, transfer: [order.buffer] };
      }
      case 'thread-data':
        return { result: label };
      case 'throw': {
        const error = new RangeError(order.message);
        throw order.code === undefined ? error : Object.assign(error, { code: order.code });
      }
      case 'native':
        await nativeCall(async () => {
          Atomics.wait(order.flag, 0, 0);
          Atomics.store(order.flag, 1, 1);
        });
        return { result: 'out' };
      case 'next': {
        const before = Atomics.add(order.marks, 0, 1);
        Atomics.notify(order.marks, 0);
        return { result: before };
      }
      case 'exit':
        return process.exit(3);
      case 'stray':
        setImmediate(() => {
          throw new Error('stray');
        });
        return new Promise(() => {});
      case 'hang':
        for (;;);
      case 'hang-after':
        setTimeout(() => {
          for (;;);
        }, 0);
        return { result: 'answered' };
      case 'work': {
        const end = performance.now() + order.forMs;
        while (performance.now() < end);
        return { result: 'done' };
      }
      case 'until-stopped':
        return new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve({ result: 'stopped' }));
        });
      case 'never':
        return new Promise(() => {});
      case 'grow': {
        const held: number[][] = [];
        for (;;) held.push(new Array(100_000).fill(Math.random()));
      }
    }
  },
});
