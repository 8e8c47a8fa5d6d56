// The errors which the NATS adapters throw, each named for the situation. Callers class them by consequence:
// what may pass with time, what a person must change, and what means that another owner has taken over.
import { PermissionViolationError } from 'nats';
import { StorageFull } from '#runtime';

/** No server can be used at the first connect. The message says why and names a remedy. */
export class NatsUnreachable extends Error {
  override readonly name: string = 'NatsUnreachable';
  readonly servers: string;

  constructor(servers: string, reason: string, options?: { readonly cause?: unknown }) {
    super(`cannot use NATS at ${servers}: ${reason}`, options);
    this.servers = servers;
  }
}

/** The server is there and refused who we are: the key or password is unknown, or was revoked. */
export class CredentialsRefused extends NatsUnreachable {
  override readonly name = 'CredentialsRefused';
}

/** Something listens there whose certificate cannot be trusted, or it refused ours. */
export class CertificateRefused extends NatsUnreachable {
  override readonly name = 'CertificateRefused';
}

/** The server does not let us publish on, or subscribe to, this subject. */
export class PermissionDenied extends Error {
  override readonly name = 'PermissionDenied';
  readonly subject: string;

  constructor(operation: string, subject: string, options?: { readonly cause?: unknown }) {
    super(`the server does not permit to ${operation} ${subject}`, options);
    this.subject = subject;
  }
}

/** Whether an error of the NATS client says that a permission is missing. */
export function isPermissionViolation(error: unknown): error is PermissionViolationError {
  return error instanceof PermissionViolationError;
}

/** The server answers but has no JetStream for this account. */
export class JetStreamUnavailable extends Error {
  override readonly name = 'JetStreamUnavailable';

  constructor(servers: string, options?: { readonly cause?: unknown }) {
    super(
      `NATS at ${servers} has no JetStream for this account: start nats-server with -js and a store directory, ` +
        'or enable JetStream for the account; a server whose disk was full has switched it off until it is restarted',
      options,
    );
  }
}

/** The server is there, and nobody leads: too few of those that keep a stream run, or they do not reach each other. */
export class NoQuorum extends Error {
  override readonly name = 'NoQuorum';

  /** `silent`: servers that were named and do not answer. */
  constructor(servers: string, silent: readonly string[], options?: { readonly cause?: unknown }) {
    const verb = silent.length === 1 ? 'does' : 'do';
    const missing =
      silent.length === 0 ? '' : `; of those servers ${silent.join(' and ')} ${verb} not answer`;
    super(
      `the NATS cluster at ${servers} has no leader for what was asked, so that it can be neither read nor stored: ` +
        `most of the servers that keep it have to run and to reach each other${missing}`,
      options,
    );
  }
}

/** The connection was closed for good, so what was waiting on it cannot finish. */
export class LinkClosed extends Error {
  override readonly name = 'LinkClosed';

  constructor(options?: { readonly cause?: unknown }) {
    super('the connection to NATS is closed', options);
  }
}

/** Nobody listens on the subject of a request. */
export class NoResponders extends Error {
  override readonly name = 'NoResponders';
  readonly subject: string;

  constructor(subject: string, options?: { readonly cause?: unknown }) {
    super(`nobody answers on ${subject}`, options);
    this.subject = subject;
  }
}

/** A request was not answered in time; whether it was acted upon is unknown. */
export class RequestTimeout extends Error {
  override readonly name = 'RequestTimeout';
  readonly subject: string;

  constructor(subject: string, timeoutMs: number, options?: { readonly cause?: unknown }) {
    super(`no answer on ${subject} within ${timeoutMs} ms`, options);
    this.subject = subject;
  }
}

/** The handler at the other end failed; `code` is its status (500 where it gave none, 503 where another try may help). */
export class RequestFailed extends Error {
  override readonly name = 'RequestFailed';
  readonly subject: string;
  readonly code: number;
  /** What the handler says of it; an error of ours begins with its name. */
  readonly description: string;

  constructor(subject: string, code: number, description: string) {
    super(`${subject} answered ${code}: ${description}`);
    this.subject = subject;
    this.code = code;
    this.description = description;
  }
}

/** No stream takes this subject, so nothing was stored: the dataset does not exist. */
export class NoStream extends Error {
  override readonly name = 'NoStream';
  readonly subject: string;

  constructor(subject: string, options?: { readonly cause?: unknown }) {
    super(`no stream stores ${subject}`, options);
    this.subject = subject;
  }
}

/** The stream refused a message for a reason which waiting does not change. `code` is JetStream's (0: ours). */
export class PublishRefused extends Error {
  override readonly name = 'PublishRefused';
  readonly subject: string;
  readonly code: number;
  readonly description: string;

  constructor(subject: string, code: number, description: string) {
    super(`the stream refused a message to ${subject}: ${description} (${code})`);
    this.subject = subject;
    this.code = code;
    this.description = description;
  }
}

/** The stream or its server is full and the publisher was told not to wait: what waits differs, a lease from a journal. */
export class StreamFull extends StorageFull {
  override readonly name = 'StreamFull';
  readonly subject: string;

  constructor(subject: string, description: string) {
    super(`the stream behind ${subject} is full: ${description}`);
    this.subject = subject;
  }
}

/** One field in which a stream or consumer differs from what was asked. */
export interface TopologyDifference {
  readonly field: string;
  readonly asked: unknown;
  readonly found: unknown;
}

/** A stream or consumer exists with another configuration, or the server ignored a part of what was asked. */
export class TopologyMismatch extends Error {
  override readonly name = 'TopologyMismatch';
  readonly resource: string;
  readonly differences: readonly TopologyDifference[];

  constructor(resource: string, differences: readonly TopologyDifference[]) {
    const list = differences
      .map((d) => `${d.field}: asked ${JSON.stringify(d.asked)}, found ${JSON.stringify(d.found)}`)
      .join('; ');
    super(`${resource} is not as asked (${list})`);
    this.resource = resource;
    this.differences = differences;
  }
}

/** Streams are managed by others, and some are missing or not as the system needs them. Nothing was changed. */
export class StreamsNotAsExpected extends Error {
  override readonly name = 'StreamsNotAsExpected';
  /** Each in words: the stream, what was expected, what was found. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      `streams are managed by others (storage.provision is false), and ${problems.length} are not as expected:\n` +
        problems.map((problem) => `  ${problem}`).join('\n'),
    );
    this.problems = problems;
  }
}

/** The server has not the storage which a stream's limit would reserve. */
export class StorageTooSmall extends Error {
  override readonly name = 'StorageTooSmall';

  constructor(stream: string, maxBytes: number, options?: { readonly cause?: unknown }) {
    super(
      `the server cannot reserve ${maxBytes} bytes for stream ${stream}: ` +
        'raise its JetStream max_file, free disk space, or lower the limit of this stream',
      options,
    );
  }
}

/** A stream cannot have the copies that were asked for, or has more, which are never taken away by themselves. */
export class ReplicasRefused extends Error {
  override readonly name = 'ReplicasRefused';
  readonly stream: string;

  /** The server is in no cluster, or its cluster is too small. */
  static impossible(
    stream: string,
    replicas: number,
    why: string,
    options?: { readonly cause?: unknown },
  ): ReplicasRefused {
    return new ReplicasRefused(
      stream,
      `stream ${stream} cannot have ${replicas} replicas: ${why}; expected a NATS cluster ` +
        `of at least ${replicas} servers with JetStream, all of them running; name them with --server, or leave ` +
        'storage.replicas at 1',
      options,
    );
  }

  static lower(stream: string, found: number, asked: number): ReplicasRefused {
    return new ReplicasRefused(
      stream,
      `stream ${stream} has ${found} replicas and storage.replicas asks for ${asked}: copies are never taken away by ` +
        `themselves, as the system would survive less; leave storage.replicas out to go on with ${found}, or run ` +
        `\`nats stream edit ${stream} --replicas=${asked}\` for this and every other stream of the system first`,
    );
  }

  private constructor(stream: string, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.stream = stream;
  }
}

/** Bytes are no message of ours: unknown version, cut short, or not msgpack. */
export class CodecError extends Error {
  override readonly name = 'CodecError';
}

/** A name cannot be a part of subjects and stream names. The message says what is allowed. */
export class InvalidName extends Error {
  override readonly name = 'InvalidName';
}

/** An append or a snapshot was tried before `own()`, or after a failed append without a new `own()`. */
export class JournalNotOwned extends Error {
  override readonly name = 'JournalNotOwned';
}

/** A work source with one owner found a successor's consumer, or lost its own to it. */
export class ConsumerTaken extends Error {
  override readonly name = 'ConsumerTaken';
  readonly stream: string;
  readonly consumer: string;

  constructor(stream: string, consumer: string, options?: { readonly cause?: unknown }) {
    super(`consumer ${consumer} of ${stream} belongs to another owner now`, options);
    this.stream = stream;
    this.consumer = consumer;
  }
}

/** A work source cannot go on: its stream is gone, or its consumer cannot be made again. */
export class WorkSourceFailed extends Error {
  override readonly name = 'WorkSourceFailed';
}

/** An object's bytes are missing or differ from its digest. */
export class ObjectDamaged extends Error {
  override readonly name = 'ObjectDamaged';
}

/** An upload is larger than the reader allows. */
export class UploadTooLarge extends Error {
  override readonly name = 'UploadTooLarge';
  readonly limitBytes: number;

  constructor(uri: string, bytes: number, limitBytes: number) {
    super(`${uri} has ${bytes} bytes; ${limitBytes} are allowed`);
    this.limitBytes = limitBytes;
  }
}

/** The upload does not exist, or the URI does not name one of this system. */
export class UploadNotFound extends Error {
  override readonly name = 'UploadNotFound';
}
