// One subscription of a work source: pulls as much as may be held, hands out batches on demand, and keeps all that is
// held alive until it is settled. Deliveries of one socket chunk are handed out together, and acks of one turn leave
// in one write, which is what makes it fast.
import { type Msg, nanos, type Subscription } from 'nats';
import type { Delivery, WorkSubscription } from '#runtime';
import { pause } from '#runtime';
import type { NatsLink } from './connection.ts';
import { parseDelivery } from './delivery-info.ts';
import { ConsumerTaken, LinkClosed, WorkSourceFailed } from './errors.ts';
import { Fifo } from './fifo.ts';
import { HeldDelivery, type Settlement } from './held-delivery.ts';
import { LeftoverSweep } from './leftover-sweep.ts';
import { PullRequests } from './pull-requests.ts';
import { Settlements } from './settlements.ts';
import { consumerName, reopenConsumer, type WorkConsumerOptions } from './work-consumer.ts';

const EXPIRES_MS = 20_000;
const HEARTBEAT_MS = 5_000;
const SILENCE_MS = 2 * HEARTBEAT_MS + 1_000;
const CLOSE_MS = 2_000;
const FORGET_MS = 10;
const WORKING = new TextEncoder().encode('+WPI');

/** What the actor asked of the subscription. */
export interface SubscribeOptions {
  readonly maxBatch: number;
  readonly prefetch: number;
  readonly gatherMs?: number;
  readonly deliver: (batch: readonly Delivery[]) => void;
  readonly failed: (error: Error) => void;
}

/** A running subscription. */
export class PullSubscription implements WorkSubscription {
  readonly #link: NatsLink;
  readonly #consumer: WorkConsumerOptions;
  readonly #options: SubscribeOptions;
  readonly #settlements: Settlements;
  readonly #leftovers: LeftoverSweep;
  readonly #requests = new PullRequests();
  /** By stream sequence: a second delivery of what is held renews it. */
  readonly #held = new Map<number, HeldDelivery>();
  readonly #waiting = new Fifo<HeldDelivery>();
  readonly #stopListening: () => void;
  readonly #stopped = new AbortController();
  readonly #tickMs: number;
  #cancelTick: () => void = () => {};
  #cancelGathering: (() => void) | undefined;
  #handedOutMs = Number.NEGATIVE_INFINITY;
  #inbox = '';
  #subscription: Subscription | undefined;
  #demands = 0;
  #heardMs = 0;
  #turnScheduled = false;
  #recovering = false;
  #state: 'running' | 'failed' | 'closed' = 'running';

  /** `ackWaitMs` is the consumer's own; what is held is kept alive at a third of it. */
  constructor(link: NatsLink, consumer: WorkConsumerOptions, ackWaitMs: number, options: SubscribeOptions) {
    this.#link = link;
    this.#consumer = consumer;
    this.#options = options;
    this.#settlements = new Settlements(link);
    this.#leftovers = new LeftoverSweep(link, consumer);
    this.#tickMs = Math.min(ackWaitMs / 3, HEARTBEAT_MS);
    const stops = [
      link.onStatus((status) => {
        if (status === 'connected') this.#reconnected();
      }),
      link.onClosed((cause) => this.#fail(new LinkClosed(cause === undefined ? undefined : { cause }))),
    ];
    this.#stopListening = () => {
      for (const stop of stops) stop();
    };
    this.#listen();
    this.#pull();
    this.#leftovers.restart();
    this.#scheduleTick(ackWaitMs / 3);
  }

  /** Messages held: waiting and in hand. */
  get held(): number {
    return this.#held.size;
  }

  demand(): void {
    this.#demands++;
    this.#scheduleTurn();
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#stopped.abort();
    this.#leftovers.stop();
    this.#stopListening();
    this.#cancelTick();
    this.#cancelGathering?.();
    // What is on its way still arrives while the subscription drains, and is given back with the rest.
    const drained = new AbortController();
    void this.#subscription
      ?.drain()
      .catch(() => {})
      .finally(() => drained.abort());
    await pause(this.#link.clock, CLOSE_MS, drained.signal);
    await this.#forgetRequests();
    for (const delivery of this.#waiting.drain()) delivery.nak(0);
    this.#held.clear();
  }

  /**
   * Makes the server look through its waiting requests and drop ours, for which nobody listens any more. Servers of
   * 2.9 otherwise find that out with the first message given back, which then waits for the whole `ack_wait`.
   */
  async #forgetRequests(): Promise<void> {
    if (!this.#link.connected || this.#link.connection.isClosed()) return;
    const body = { batch: 1, expires: nanos(1) };
    this.#link.connection.publish(this.#pullSubject(), JSON.stringify(body), { reply: this.#link.inbox() });
    await pause(this.#link.clock, FORGET_MS);
  }

  #pullSubject(): string {
    return `$JS.API.CONSUMER.MSG.NEXT.${this.#consumer.stream}.${consumerName(this.#consumer)}`;
  }

  #listen(): void {
    this.#subscription?.unsubscribe();
    this.#requests.clear();
    this.#inbox = this.#link.inbox();
    this.#heardMs = this.#link.clock.monotonicMs();
    this.#subscription = this.#link.connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error === null) this.#received(message);
        else this.#fail(new WorkSourceFailed(`subscription refused: ${error.message}`, { cause: error }));
      },
    });
  }

  #pull(): void {
    if (this.#state !== 'running' || this.#recovering || !this.#link.connected) return;
    const { prefetch } = this.#options;
    const outstanding = this.#requests.outstanding;
    const credit = prefetch - this.#held.size - outstanding;
    const starving = this.#waiting.length === 0 && outstanding === 0;
    if (credit < 1 || (credit * 4 < prefetch && !starving)) return;
    const deadlineMs = this.#link.clock.monotonicMs() + EXPIRES_MS + HEARTBEAT_MS;
    const token = this.#requests.open(credit, deadlineMs);
    const body = { batch: credit, expires: nanos(EXPIRES_MS), idle_heartbeat: nanos(HEARTBEAT_MS) };
    this.#link.connection.publish(this.#pullSubject(), JSON.stringify(body), {
      reply: `${this.#inbox}.${token}`,
    });
  }

  #received(message: Msg): void {
    this.#heardMs = this.#link.clock.monotonicMs();
    const info = parseDelivery(message.reply);
    if (info === undefined) {
      this.#statusReceived(message);
      return;
    }
    this.#requests.received();
    const known = this.#held.get(info.streamSequence);
    if (known !== undefined) {
      known.renew(message.reply ?? '', info.deliveries);
      return;
    }
    const delivery = new HeldDelivery(message, info, (settlement) => this.#settled(settlement));
    this.#held.set(info.streamSequence, delivery);
    this.#waiting.push(delivery);
    this.#scheduleTurn();
  }

  #statusReceived(message: Msg): void {
    const code = message.headers?.code ?? 0;
    if (code === 100) return;
    this.#requests.ended(message.subject.slice(this.#inbox.length + 1));
    const description = message.headers?.description ?? '';
    if (code === 400) {
      this.#fail(new WorkSourceFailed(`the server refused a pull request: ${description}`));
    } else if (code === 503 || (code === 409 && !/maxwaiting/i.test(description))) {
      void this.#recover(description === '' ? 'no responders' : description);
    } else if (code === 409) {
      this.#link.clock.schedule(250, () => this.#pull());
    } else {
      this.#pull();
    }
  }

  #settled(settlement: Settlement): void {
    this.#held.delete(settlement.delivery.sequence);
    this.#settlements.send(settlement);
    this.#scheduleTurn();
  }

  /** Hands out and pulls at the end of the current turn, when all of a chunk has arrived. */
  #scheduleTurn(): void {
    if (this.#turnScheduled || this.#state !== 'running') return;
    this.#turnScheduled = true;
    queueMicrotask(() => {
      this.#turnScheduled = false;
      this.#handOut();
      this.#pull();
    });
  }

  #handOut(): void {
    while (this.#state === 'running' && this.#demands > 0 && this.#waiting.length > 0) {
      if (this.#isGathering()) return;
      const batch: HeldDelivery[] = [];
      while (batch.length < this.#options.maxBatch) {
        const delivery = this.#waiting.shift();
        if (delivery === undefined) break;
        batch.push(delivery);
      }
      this.#demands--;
      this.#handedOutMs = this.#link.clock.monotonicMs();
      this.#options.deliver(batch);
    }
  }

  /** Whether what waits is to wait for more; then it is handed out when its time is over. */
  #isGathering(): boolean {
    const { gatherMs = 0, maxBatch } = this.#options;
    if (gatherMs === 0 || this.#waiting.length >= maxBatch) return false;
    const { clock } = this.#link;
    const leftMs = this.#handedOutMs + gatherMs - clock.monotonicMs();
    if (leftMs <= 0) return false;
    this.#cancelGathering ??= clock.schedule(leftMs, () => {
      this.#cancelGathering = undefined;
      this.#handOut();
      this.#pull();
    });
    return true;
  }

  #scheduleTick(keepAliveMs: number): void {
    let dueMs = this.#link.clock.monotonicMs() + keepAliveMs;
    const tick = () => {
      if (this.#link.connection.isClosed()) return;
      const now = this.#link.clock.monotonicMs();
      if (now >= dueMs) {
        dueMs = now + keepAliveMs;
        this.#keepAlive();
      }
      this.#checkSilence(now);
      this.#cancelTick = this.#link.clock.schedule(this.#tickMs, tick);
    };
    this.#cancelTick = this.#link.clock.schedule(this.#tickMs, tick);
  }

  #keepAlive(): void {
    if (!this.#link.connected || this.#link.connection.isClosed()) return;
    for (const delivery of this.#held.values()) this.#link.connection.publish(delivery.reply, WORKING);
  }

  #checkSilence(now: number): void {
    if (this.#state !== 'running' || !this.#link.connected) return;
    this.#requests.expire(now);
    if (this.#requests.outstanding > 0 && now - this.#heardMs > SILENCE_MS)
      void this.#recover('no heartbeat');
    else this.#pull();
  }

  #reconnected(): void {
    this.#settlements.resend();
    if (this.#state !== 'running') return;
    this.#leftovers.restart();
    if (this.#recovering) return;
    this.#listen();
    this.#pull();
  }

  /** Makes sure that the consumer is there (or is made again), then pulls anew under a new inbox. */
  async #recover(reason: string): Promise<void> {
    if (this.#recovering || this.#state !== 'running') return;
    this.#recovering = true;
    const { clock, log } = this.#link;
    log.warn(
      { stream: this.#consumer.stream, consumer: consumerName(this.#consumer), reason },
      'pulling again',
    );
    try {
      for (let waitMs = 50; ; waitMs = Math.min(waitMs * 2, 2_000)) {
        await pause(clock, waitMs, this.#stopped.signal);
        if (this.#state !== 'running') return;
        if (await this.#reopened()) break;
      }
    } finally {
      this.#recovering = false;
    }
    this.#listen();
    this.#pull();
  }

  /** False when the server does not answer yet. */
  async #reopened(): Promise<boolean> {
    try {
      await reopenConsumer(this.#link, this.#consumer);
      return true;
    } catch (error) {
      if (error instanceof ConsumerTaken || error instanceof WorkSourceFailed) this.#fail(error);
      return false;
    }
  }

  #fail(error: Error): void {
    if (this.#state !== 'running') return;
    this.#state = 'failed';
    this.#stopped.abort();
    this.#leftovers.stop();
    this.#options.failed(error);
  }
}
