// How a request to a worker thread fails: by its own error, by the thread's end, or by its deadline. The last
// two are crashes of the actor that owns the thread. What it had not begun ends in a way of its own.
import type { FailureClass } from '#supervision';
import type { SentError } from './thread-protocol.ts';

/**
 * How a thread ended by itself or had to be ended. `exit`: it called `process.exit` or had nothing left to do.
 * `throw`: something was thrown outside of any request, or it sent what cannot be read. `memory`: it reached the
 * limit of its heap. `hang`: its event loop stood still for longer than its heartbeat allows, or it kept another
 * request beyond its deadline.
 */
export type ThreadEnd = 'exit' | 'throw' | 'memory' | 'hang';

/** The thread ended before it replied; `how` says in which way, `cause` why, where that is known. */
export class ThreadCrashed extends Error {
  override readonly name = 'ThreadCrashed';
  readonly code = 'thread_crashed';
  readonly how: ThreadEnd;
  /** By its consequence for the request. */
  readonly failureClass: FailureClass;

  /** @param detail what the thread did, to follow its name in the message */
  constructor(path: string, how: ThreadEnd, detail: string, options?: ErrorOptions) {
    super(`the thread of ${path} ${detail}`, options);
    this.how = how;
    this.failureClass = how === 'memory' ? 'resource' : how === 'hang' ? 'timeout' : 'transient';
  }
}

/** The thread did not answer in time and was terminated. */
export class ThreadTimeout extends Error {
  override readonly name = 'ThreadTimeout';
  readonly code = 'thread_timeout';
  /** By its consequence: again, with a longer limit. */
  readonly failureClass = 'timeout';

  constructor(path: string, deadlineMs: number) {
    super(`the thread of ${path} did not answer within ${deadlineMs} ms and was terminated`);
  }
}

/**
 * The thread ended while this request lay there ahead of its turn: it had no part in that, and may be sent again as if it had
 * never been sent. `cause` is the end of the thread.
 */
export class ThreadNotBegun extends Error {
  override readonly name = 'ThreadNotBegun';
  readonly code = 'thread_not_begun';
  /** By its consequence for the request. */
  readonly failureClass = 'transient';

  constructor(path: string, options: ErrorOptions) {
    super(`the thread of ${path} ended before it began this request`, options);
  }
}

/** An error that was thrown in a thread: `name`, `message`, `code` and `failureClass` are those of the original. */
export class ThreadError extends Error {
  override readonly name: string;
  readonly code: string | undefined;
  readonly failureClass: string | undefined;

  constructor(sent: SentError) {
    super(sent.message);
    this.name = sent.name;
    this.code = sent.code;
    this.failureClass = sent.failureClass;
    if (sent.stack !== undefined) this.stack = sent.stack;
  }
}
