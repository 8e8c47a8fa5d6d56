// One delivery which this process holds, as the actor sees it. Settling it twice does nothing the second time.
import type { Msg } from 'nats';
import type { Delivery } from '#runtime';
import type { DeliveryInfo } from './delivery-info.ts';
import { type HeaderText, headerIn, receivedHeaders } from './header-text.ts';

const ACK = '+ACK';
const TERM = '+TERM';
const NAK = '-NAK';

/** How a delivery ended: `final` when the queue shall forget it. */
export interface Settlement {
  readonly delivery: HeldDelivery;
  readonly words: string;
  readonly final: boolean;
}

/** A delivery in hand or waiting in this process. */
export class HeldDelivery implements Delivery {
  readonly sequence: number;
  readonly storedAtMs: number;
  readonly #message: Msg;
  readonly #settle: (settlement: Settlement) => void;
  #deliveries: number;
  #reply: string;
  #settled = false;
  #headers: HeaderText | undefined;

  constructor(message: Msg, info: DeliveryInfo, settle: (settlement: Settlement) => void) {
    this.#message = message;
    this.#settle = settle;
    this.#reply = message.reply ?? '';
    this.#deliveries = info.deliveries;
    this.sequence = info.streamSequence;
    this.storedAtMs = info.storedAtMs;
  }

  /** Where acknowledgements of the newest delivery go. */
  get reply(): string {
    return this.#reply;
  }

  get settled(): boolean {
    return this.#settled;
  }

  get subject(): string {
    return this.#message.subject;
  }

  get deliveries(): number {
    return this.#deliveries;
  }

  get data(): Uint8Array {
    return this.#message.data;
  }

  header(name: string): string | undefined {
    this.#headers ??= receivedHeaders(this.#message);
    return headerIn(this.#headers, name);
  }

  /** The server delivered the same message again while it was held: acknowledge that delivery instead. */
  renew(reply: string, deliveries: number): void {
    this.#reply = reply;
    this.#deliveries = deliveries;
  }

  ack(): void {
    this.#end(ACK, true);
  }

  nak(delayMs: number): void {
    this.#end(delayMs > 0 ? `${NAK} {"delay":${Math.round(delayMs * 1e6)}}` : NAK, false);
  }

  // Never with a reason: servers before 2.10.4 ignore such a term, and the dead letter holds the reason anyway.
  term(): void {
    this.#end(TERM, true);
  }

  #end(words: string, final: boolean): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#settle({ delivery: this, words, final });
  }
}
