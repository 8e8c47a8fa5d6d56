// What can go wrong between "a nats-server is needed" and "it answers". Each class is named for the situation
// and says in its message what was tried and what a person can do about it.

/** One step of the search for a nats-server, with what came of it. */
export interface ServerAttempt {
  /** The step's name, as shown to people: `NATS_SERVER_BIN`, `PATH`, … */
  readonly step: string;
  readonly outcome: 'found' | 'not found' | 'failed';
  /** Why, in one line. */
  readonly detail: string;
  /** What a person can do to make this step succeed, in one line. */
  readonly remedy: string;
  /** How long the step took, in milliseconds. */
  readonly tookMs: number;
}

/** No step of the search led to a usable nats-server; the message lists every attempt with its remedy. */
export class NatsServerNotFound extends Error {
  override readonly name = 'NatsServerNotFound';
  readonly attempts: readonly ServerAttempt[];

  constructor(attempts: readonly ServerAttempt[]) {
    const lines = attempts.flatMap((attempt, index) => [
      `  ${index + 1}. ${attempt.step}: ${attempt.outcome}: ${attempt.detail}`,
      `     remedy: ${attempt.remedy}`,
    ]);
    super(['no usable nats-server was found; tried in this order:', ...lines].join('\n'));
    this.attempts = attempts;
  }
}

/** The program that `NATS_SERVER_BIN` names cannot serve; nothing else is tried, since a person chose it. */
export class NatsServerUnusable extends Error {
  override readonly name = 'NatsServerUnusable';
  readonly binary: string;

  constructor(binary: string, why: string) {
    super(`NATS_SERVER_BIN=${binary}: expected a nats-server that runs, but ${why}`);
    this.binary = binary;
  }
}

/** A file that was fetched is not the one expected; it was deleted. */
export class ChecksumMismatch extends Error {
  override readonly name = 'ChecksumMismatch';

  constructor(url: string, expected: string, actual: string) {
    super(`${url}: expected sha256 ${expected}, got ${actual}`);
  }
}

/** The nats-server was started but did not become ready; `log` holds the last lines that it wrote. */
export class NatsServerStartFailed extends Error {
  override readonly name = 'NatsServerStartFailed';
  readonly log: string;

  constructor(why: string, log: string, options?: ErrorOptions) {
    super(log === '' ? why : `${why}; its last lines:\n${log}`, options);
    this.log = log;
  }
}

/** Another live process holds the data folder's start lock for longer than the caller would wait. */
export class DataFolderBusy extends Error {
  override readonly name = 'DataFolderBusy';

  constructor(directory: string, pid: number, waitedMs: number) {
    super(`${directory}: process ${pid} has been starting its nats-server for more than ${waitedMs} ms`);
  }
}

/** The store of a data folder is encrypted, and its key is not the one that was given. */
export class StoreKeyRefused extends Error {
  override readonly name = 'StoreKeyRefused';

  constructor(folder: string, why: string) {
    super(
      `the store in ${folder} is encrypted: expected its key (storage.encryptionKeyFile), ${why}; nothing was started`,
    );
  }
}
