// One delivery which this process holds, as the actor sees it. Settling it twice does nothing the second time.
import type { Msg } from 'nats';
import type { Delivery } from '#runtime';
import type { DeliveryInfo } from './delivery-info.ts';

const ACK = new TextEncoder().encode('+ACK');
const TERM = new TextEncoder().encode('+TERM');
const NAK = new TextEncoder().encode('-NAK');

/** How a delivery ended: `final` when the queue shall forget it. */
export interface Settlement {
  readonly delivery: HeldDelivery;
  readonly payload: Uint8Array;
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
    const headers = this.#message.headers;
    return headers?.has(name) === true ? headers.get(name) : undefined;
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
    const payload =
      delayMs > 0 ? new TextEncoder().encode(`-NAK {"delay":${Math.round(delayMs * 1e6)}}`) : NAK;
    this.#end(payload, false);
  }

  // Never with a reason: servers before 2.10.4 ignore such a term, and the dead letter holds the reason anyway.
  term(): void {
    this.#end(TERM, true);
  }

  #end(payload: Uint8Array, final: boolean): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#settle({ delivery: this, payload, final });
  }
}
