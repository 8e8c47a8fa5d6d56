// What lies in a mailbox. A message that was told lies there as it is, which is the cheapest; only requests and
// what an actor owes to itself carry more. Internal to the runtime.
import type { PendingAsk } from './ask.ts';

/** A request: the message and whoever waits for its reply. */
export class Asked {
  readonly message: unknown;
  readonly ask: PendingAsk<unknown>;

  constructor(message: unknown, ask: PendingAsk<unknown>) {
    this.message = message;
    this.ask = ask;
  }
}

/** A message of one life to itself (a timer, the end of someone it watches): void in any later life. */
export class OwnMessage {
  readonly message: unknown;
  /** The life that it is for. */
  readonly life: object;

  constructor(message: unknown, life: object) {
    this.message = message;
    this.life = life;
  }
}

/** An entry of a mailbox: a told message as it is, or one of the above. */
export type Envelope = unknown;

/** The message of an entry. */
export function messageOf(envelope: Envelope): unknown {
  return envelope instanceof Asked || envelope instanceof OwnMessage ? envelope.message : envelope;
}

/** Whoever waits for a reply to this entry. */
export function askOf(envelope: Envelope): PendingAsk<unknown> | undefined {
  return envelope instanceof Asked ? envelope.ask : undefined;
}
