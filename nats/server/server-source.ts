// The shape of one step in the search for a nats-server. Each step lives in a file of its own; the resolver
// only walks them in order.

/** A nats-server that a step found or fetched and has seen running (`--version`). */
export interface FoundServer {
  readonly found: true;
  /** Absolute path. */
  readonly binary: string;
  readonly version: string;
  readonly detail: string;
}

/** The step had nothing to offer, which is no error. */
export interface NothingFound {
  readonly found: false;
  readonly why: string;
}

/** One way to come by a nats-server. */
export interface ServerSource {
  readonly name: string;
  /** What a person can do to make this step succeed, in one line. */
  readonly remedy: string;
  /** Throws when the step failed; the search then goes on, except after `NatsServerUnusable`. */
  find(): Promise<FoundServer | NothingFound>;
}
