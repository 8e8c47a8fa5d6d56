// How a request to a worker thread fails: by its own error, by the thread's end, or by its deadline. The last
// two are crashes of the actor that owns the thread.
import type { SentError } from './thread-protocol.ts';

/** The thread ended, or threw outside of a request, before it replied; `cause` says why. */
export class ThreadCrashed extends Error {
  override readonly name = 'ThreadCrashed';
  readonly code = 'thread_crashed';

  constructor(path: string, how: string, options?: ErrorOptions) {
    super(`the thread of ${path} ${how}`, options);
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
