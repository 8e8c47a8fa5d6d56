// A durable publisher in memory that remembers what it was asked for and what it stored.
import type { DurablePublisher, OutgoingMessage, PublishReceipt } from '../ports.ts';

/** A publisher in memory: a stream stores each id once, for ever. */
export class MemoryPublisher implements DurablePublisher {
  /** Everything that was asked for, repetitions included, in order. */
  readonly attempts: OutgoingMessage[] = [];
  /** What the subjects store. */
  readonly stored: OutgoingMessage[] = [];
  /** Refuses a publish by an error, or holds it until the promise resolves. */
  intercept: (message: OutgoingMessage) => Error | Promise<void> | undefined = () => undefined;
  readonly #trace: string[] | undefined;
  readonly #streamOf: (subject: string) => string;

  /**
   * @param options `trace` gets a line for each publish; `streamOf` names the stream that stores a subject, default one
   * for each subject
   */
  constructor(options: { readonly trace?: string[]; readonly streamOf?: (subject: string) => string } = {}) {
    this.#trace = options.trace;
    this.#streamOf = options.streamOf ?? ((subject) => subject);
  }

  async publish(message: OutgoingMessage, signal?: AbortSignal): Promise<PublishReceipt> {
    this.attempts.push(message);
    const hindrance = this.intercept(message);
    if (hindrance instanceof Error) throw hindrance;
    await hindrance;
    signal?.throwIfAborted();
    const stream = this.#streamOf(message.subject);
    const duplicate =
      message.id !== undefined &&
      this.stored.some(({ subject, id }) => this.#streamOf(subject) === stream && id === message.id);
    if (!duplicate) this.stored.push(message);
    this.#trace?.push(`publish ${message.subject}`);
    return { stream, sequence: this.stored.length, duplicate };
  }

  /** Messages stored on a subject. */
  on(subject: string): readonly OutgoingMessage[] {
    return this.stored.filter((message) => message.subject === subject);
  }
}
