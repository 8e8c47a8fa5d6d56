// Publishes durably with many messages in flight: one inbox takes all answers, a sweep sends again what was not
// answered (with the same id, so that the stream stores it once), a reconnect sends again everything pending, and
// full streams are waited out without holding places in the window.
import type { Clock, DurablePublisher, OutgoingMessage, PublishReceipt, RandomSource } from '#runtime';
import { AbortWatch } from './abort-watch.ts';
import { LinkClosed, NoStream, type PermissionDenied, PublishRefused, StreamFull } from './errors.ts';
import { Fifo } from './fifo.ts';
import type { FullGate, Gated, Refusal } from './full-gate.ts';
import { FullSubjects, type WaitingSubject } from './full-subjects.ts';
import { type HeaderText, headerText } from './header-text.ts';
import { isPassing } from './patience.ts';
import { readAnswer } from './publish-answer.ts';
import type { PublishAnswer, PublishTransport } from './publish-transport.ts';

const SWEEP_MS = 100;
/** How often a server which refuses to say whether a stream exists is asked before the message fails. */
const UNSTORED_ATTEMPTS = 8;

/** How one message is published; the defaults are those of `publish`. */
export interface PublishOptions {
  readonly signal?: AbortSignal;
  /** Store only if this is the last sequence of the subject (0: none); else `PublishRefused` with code 10071. */
  readonly expectLastSubjectSequence?: number;
  /** `wait` (default) waits while the stream is full; `fail` throws `StreamFull`. */
  readonly whenFull?: 'wait' | 'fail';
  /** An answer is awaited this long before the message is sent again; default: the publisher's. */
  readonly answerTimeoutMs?: number;
}

/** What a window publisher is made of. */
export interface WindowPublisherOptions {
  readonly transport: PublishTransport;
  readonly clock: Clock;
  readonly random: RandomSource;
  /** Makes an id for messages which have none, so that a repeat is stored once. */
  readonly newId: () => string;
  /** Messages in flight at once; default 512 (256 to 1,024 is the useful range). */
  readonly window?: number;
  /** Bytes in flight at once; default 32 MiB. One message may always go. */
  readonly windowBytes?: number;
  /** An answer is awaited this long before the message is sent again; default 5,000 ms. */
  readonly answerTimeoutMs?: number;
}

interface Entry extends Gated {
  readonly order: number;
  readonly token: string;
  readonly subject: string;
  readonly data: Uint8Array;
  /** Made once per message, not once per attempt. */
  readonly headers: HeaderText;
  readonly whenFull: 'wait' | 'fail';
  readonly signal: AbortSignal | undefined;
  readonly resolve: (receipt: PublishReceipt) => void;
  readonly reject: (error: unknown) => void;
  readonly answerTimeoutMs: number;
  settled: boolean;
  gate: FullGate<Entry> | undefined;
  deadlineMs: number;
  unstored: number;
}

/** The publisher of one connection; safe for any number of concurrent callers. */
export class WindowPublisher implements DurablePublisher {
  readonly #transport: PublishTransport;
  readonly #clock: Clock;
  readonly #newId: () => string;
  readonly #window: number;
  readonly #windowBytes: number;
  readonly #answerTimeoutMs: number;
  readonly #inFlight = new Map<string, Entry>();
  readonly #waiting = new Fifo<Entry>();
  readonly #aborts = new AbortWatch<Entry>((entry, reason) => this.#abort(entry, reason));
  readonly #full: FullSubjects<Entry>;
  #bytes = 0;
  #published = 0;
  #connected = true;
  #closed: Error | undefined;
  #held: { readonly why: string; readonly sinceMs: number } | undefined;
  #cancelSweep: (() => void) | undefined;

  constructor(options: WindowPublisherOptions) {
    this.#transport = options.transport;
    this.#clock = options.clock;
    this.#full = new FullSubjects({
      clock: options.clock,
      random: options.random,
      opened: () => this.#pump(),
    });
    this.#newId = options.newId;
    this.#window = options.window ?? 512;
    this.#windowBytes = options.windowBytes ?? 32 * 1024 * 1024;
    this.#answerTimeoutMs = options.answerTimeoutMs ?? 5_000;
    this.#transport.onAnswer((token, answer) => this.#answered(token, answer));
  }

  /** Messages sent and not yet answered. */
  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Messages that are not stored yet, sent or not. */
  get pending(): number {
    const held = [...this.#full.gates.values()].reduce((sum, gate) => sum + gate.held, 0);
    return this.#inFlight.size + this.#waiting.length + held;
  }

  /** Subjects whose stream takes nothing now, with what is held back for it or was given back to its publisher. */
  get waiting(): readonly WaitingSubject[] {
    if (this.#held === undefined) return this.#full.waiting;
    const { why, sinceMs } = this.#held;
    const forMs = this.#clock.monotonicMs() - sinceMs;
    return [{ subject: '>', messages: this.#waiting.length, code: 0, why, forMs }, ...this.#full.waiting];
  }

  /**
   * Resolves when the stream has stored the message (or had stored it before: `duplicate`). Waits while the stream
   * is full or the connection is down, until `signal` aborts; then it rejects with the signal's reason and whether
   * the message was stored is unknown.
   * @throws NoStream, PublishRefused, PermissionDenied, LinkClosed
   */
  publish(message: OutgoingMessage, signal?: AbortSignal): Promise<PublishReceipt> {
    return this.publishWith(message, signal === undefined ? {} : { signal });
  }

  /**
   * As `publish`, with an expectation about the subject or without waiting for a full stream.
   * @throws NoStream, PublishRefused, PermissionDenied, LinkClosed, StreamFull
   */
  publishWith(message: OutgoingMessage, options: PublishOptions): Promise<PublishReceipt> {
    return new Promise((resolve, reject) => {
      const { signal } = options;
      if (signal?.aborted === true) {
        reject(signal.reason);
        return;
      }
      if (this.#closed !== undefined) {
        reject(this.#closed);
        return;
      }
      const limit = this.#transport.maxPayload();
      if (message.data.length > limit) {
        const description = `${message.data.length} bytes exceed the server's max_payload of ${limit}`;
        reject(new PublishRefused(message.subject, 0, description));
        return;
      }
      const entry = this.#entry(message, options, { resolve, reject });
      if (signal !== undefined) this.#aborts.add(signal, entry);
      // Behind what waits already, or a large message would be overtaken for ever by small ones.
      if (this.#waiting.length > 0 && this.#held === undefined) this.#waiting.push(entry);
      else this.#admit(entry);
    });
  }

  /** The server does not permit a subject: what is in flight on it is never answered, so it is rejected. */
  refused(error: PermissionDenied): void {
    for (const entry of [...this.#inFlight.values()]) {
      if (entry.subject !== error.subject) continue;
      this.#release(entry);
      entry.gate?.dropped();
      this.#settle(entry, error);
    }
    this.#pump();
  }

  /** The connection is down: nothing is sent until `reconnected`. */
  disconnected(): void {
    this.#connected = false;
  }

  /** The connection is back: everything unanswered goes out again, then what waited. */
  reconnected(): void {
    this.#connected = true;
    for (const entry of [...this.#inFlight.values()]) this.#transmit(entry);
    this.#pump();
  }

  /**
   * There is no room anywhere: nothing more is sent until `release`. What is not to wait for room is refused, the rest
   * waits.
   */
  hold(why: string): void {
    const sinceMs = this.#held?.sinceMs ?? this.#clock.monotonicMs();
    this.#held = { why, sinceMs };
    const waiting = this.#waiting.drain();
    for (const entry of waiting) this.#admit(entry);
  }

  /** There is room again: what waited goes out. */
  release(): void {
    this.#held = undefined;
    this.#pump();
  }

  /** Rejects everything pending; later publishes are rejected too. */
  close(cause?: unknown): void {
    if (this.#closed !== undefined) return;
    this.#closed = new LinkClosed(cause === undefined ? undefined : { cause });
    this.#cancelSweep?.();
    const pending = [...this.#inFlight.values(), ...this.#waiting.drain(), ...this.#full.close()];
    this.#inFlight.clear();
    for (const entry of pending) this.#settle(entry, this.#closed);
    this.#transport.close();
  }

  #entry(
    message: OutgoingMessage,
    options: PublishOptions,
    { resolve, reject }: Pick<Entry, 'resolve' | 'reject'>,
  ): Entry {
    const order = this.#published++;
    return {
      order,
      token: order.toString(36),
      subject: message.subject,
      data: message.data,
      headers: headerText(headerEntries(message, options, this.#newId)),
      whenFull: options.whenFull ?? 'wait',
      signal: options.signal,
      resolve,
      reject,
      answerTimeoutMs: options.answerTimeoutMs ?? this.#answerTimeoutMs,
      settled: false,
      gate: undefined,
      deadlineMs: 0,
      unstored: 0,
    };
  }

  #settle(entry: Entry, outcome: PublishReceipt | Error): void {
    if (entry.settled) return;
    entry.settled = true;
    if (entry.signal !== undefined) this.#aborts.remove(entry.signal, entry);
    if (outcome instanceof Error) entry.reject(outcome);
    else entry.resolve(outcome);
  }

  #abort(entry: Entry, reason: unknown): void {
    const error = reason instanceof Error ? reason : new DOMException('publish aborted', 'AbortError');
    this.#settle(entry, error);
    if (this.#release(entry)) {
      entry.gate?.dropped();
      this.#pump();
    }
  }

  #admit(entry: Entry): void {
    const gate = this.#full.gates.get(entry.subject);
    if (this.#held !== undefined && entry.whenFull === 'fail') {
      this.#settle(entry, new StreamFull(entry.subject, this.#held.why));
    } else if (gate !== undefined && entry.whenFull === 'wait') gate.hold(entry);
    else if (this.#connected && this.#held === undefined && this.#hasRoom(entry)) this.#send(entry);
    else this.#waiting.push(entry);
  }

  #hasRoom(entry: Entry): boolean {
    if (this.#inFlight.size === 0) return true;
    return this.#inFlight.size < this.#window && this.#bytes + entry.data.length <= this.#windowBytes;
  }

  /** Sends what there is room for: first what gates let through, then what waited, in order. */
  #pump(): void {
    if (!this.#connected || this.#held !== undefined || this.#closed !== undefined) return;
    this.#pumpGates();
    for (let entry = this.#waiting.peek(); entry !== undefined; entry = this.#waiting.peek()) {
      if (!entry.settled && !this.#hasRoom(entry)) return;
      this.#waiting.shift();
      if (!entry.settled) this.#admit(entry);
    }
  }

  #pumpGates(): void {
    for (const [subject, gate] of this.#full.gates) {
      while (this.#inFlight.size < this.#window && this.#bytes < this.#windowBytes) {
        const entry = gate.take();
        if (entry === undefined) break;
        entry.gate = gate;
        this.#send(entry);
      }
      if (gate.idle) this.#full.remove(subject);
    }
  }

  #send(entry: Entry): void {
    this.#inFlight.set(entry.token, entry);
    this.#bytes += entry.data.length;
    if (this.#connected) this.#transmit(entry);
    this.#scheduleSweep();
  }

  #transmit(entry: Entry): void {
    entry.deadlineMs = this.#clock.monotonicMs() + entry.answerTimeoutMs;
    try {
      this.#transport.send(entry.subject, entry.data, entry.headers, entry.token);
    } catch (error) {
      this.#release(entry);
      entry.gate?.dropped();
      const description = error instanceof Error ? error.message : String(error);
      this.#settle(entry, new PublishRefused(entry.subject, 0, description));
    }
  }

  #release(entry: Entry): boolean {
    if (!this.#inFlight.delete(entry.token)) return false;
    this.#bytes -= entry.data.length;
    return true;
  }

  #answered(token: string, answer: PublishAnswer): void {
    const entry = this.#inFlight.get(token);
    if (entry === undefined) return; // a second answer, after the message was sent twice
    const verdict = readAnswer(answer);
    this.#release(entry);
    if (verdict.type === 'stored') {
      this.#full.stored(entry.subject);
      entry.gate?.passed();
      this.#settle(entry, verdict.receipt);
    } else if (verdict.type === 'refused') {
      entry.gate?.dropped();
      this.#settle(entry, new PublishRefused(entry.subject, verdict.code, verdict.description));
    } else if (verdict.type === 'no-stream') {
      void this.#confirmNoStream(entry);
    } else if (verdict.full && entry.whenFull === 'fail') {
      this.#full.turnedAway(entry.subject, verdict);
      this.#settle(entry, new StreamFull(entry.subject, verdict.description));
    } else {
      this.#holdBack(entry, verdict);
    }
    this.#pump();
  }

  #holdBack(entry: Entry, refusal: Refusal): void {
    const wasUnderWay = entry.gate !== undefined;
    entry.gate = undefined;
    this.#full.holdBack(entry, wasUnderWay, refusal);
  }

  /**
   * Nobody took the message. That means "no such dataset" only if the server knows no stream for the subject; a
   * stream which is being recovered or has no leader answers the same way and is waited for.
   */
  async #confirmNoStream(entry: Entry): Promise<void> {
    let failure: unknown;
    try {
      const stream = await this.#transport.streamOf(entry.subject);
      if (stream === undefined) failure = new NoStream(entry.subject);
    } catch (cause) {
      // A cluster without a leader says nothing of streams, for as long as it has none.
      if (!isPassing(cause)) entry.unstored++;
      if (entry.unstored >= UNSTORED_ATTEMPTS) failure = new NoStream(entry.subject, { cause });
    }
    if (this.#closed !== undefined) this.#settle(entry, this.#closed);
    if (entry.settled) {
      entry.gate?.dropped();
    } else if (failure instanceof NoStream) {
      entry.gate?.dropped();
      this.#settle(entry, failure);
    } else {
      this.#holdBack(entry, { code: 503, description: 'the stream does not answer' });
    }
    this.#pump();
  }

  #scheduleSweep(): void {
    if (this.#cancelSweep !== undefined || this.#closed !== undefined) return;
    this.#cancelSweep = this.#clock.schedule(SWEEP_MS, () => {
      this.#cancelSweep = undefined;
      this.#sweep();
    });
  }

  #sweep(): void {
    const now = this.#clock.monotonicMs();
    if (this.#connected) {
      for (const entry of [...this.#inFlight.values()]) if (entry.deadlineMs <= now) this.#transmit(entry);
    }
    if (this.#inFlight.size > 0) this.#scheduleSweep();
  }
}

function* headerEntries(
  message: OutgoingMessage,
  options: PublishOptions,
  newId: () => string,
): Iterable<readonly [string, string]> {
  yield ['Nats-Msg-Id', message.id ?? newId()];
  if (options.expectLastSubjectSequence !== undefined) {
    yield ['Nats-Expected-Last-Subject-Sequence', String(options.expectLastSubjectSequence)];
  }
  if (message.headers !== undefined) yield* Object.entries(message.headers);
}
