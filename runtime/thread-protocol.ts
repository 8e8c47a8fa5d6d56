// What a worker-thread actor and its thread say to each other. Both ends are this runtime's own code of one
// version, so that the messages are trusted.

import type { NativeGate } from './native-call.ts';
import type { Pulse } from './thread-heartbeat.ts';

/** To the thread. */
export type ThreadOrder =
  | { readonly type: 'request'; readonly id: number; readonly request: unknown }
  /** Its actor is being stopped: what is in hand may end early, and nothing else will come. */
  | { readonly type: 'stop' };

/** An error as it crosses threads: its class is lost, its name and code are kept. */
export interface SentError {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly failureClass?: string;
  readonly stack?: string;
}

/** From the thread. */
export type ThreadAnswer =
  /** Its start hook has finished. */
  | { readonly type: 'ready' }
  | { readonly type: 'start_failed'; readonly error: SentError }
  | { readonly type: 'result'; readonly id: number; readonly result: unknown }
  | { readonly type: 'failed'; readonly id: number; readonly error: SentError };

/** What a thread is started with. */
export interface ThreadStart {
  readonly data: unknown;
  readonly gate: NativeGate;
  readonly pulse: Pulse;
  /** Requests that it handles at once; others wait in the order in which they came. */
  readonly concurrency: number;
}

/** Makes an error fit to cross threads. */
export function sendError(thrown: unknown): SentError {
  if (!(thrown instanceof Error)) return { name: 'Error', message: String(thrown) };
  const { name, message, stack } = thrown;
  const code = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;
  const failureClass =
    'failureClass' in thrown && typeof thrown.failureClass === 'string' ? thrown.failureClass : undefined;
  return {
    name,
    message,
    ...(code !== undefined && { code }),
    ...(failureClass !== undefined && { failureClass }),
    ...(stack !== undefined && { stack }),
  };
}
