// Sends acknowledgements, and sends them again after a reconnect: an ack is not confirmed, so what went out shortly
// before a connection broke may be lost, and its message would come back only after the whole `ack_wait`.
import type { NatsLink } from './connection.ts';
import { Fifo } from './fifo.ts';
import { Frames } from './frames.ts';
import type { Settlement } from './held-delivery.ts';

const REMEMBERED = 1_024;

interface Sent {
  readonly reply: string;
  readonly words: string;
  readonly final: boolean;
}

/** The outgoing acknowledgements of one subscription. */
export class Settlements {
  readonly #link: NatsLink;
  readonly #frames: Frames;
  readonly #recent = new Fifo<Sent>();
  readonly #unsent: Sent[] = [];

  constructor(link: NatsLink) {
    this.#link = link;
    this.#frames = new Frames(link.connection);
  }

  send(settlement: Settlement): void {
    const sent = { reply: settlement.delivery.reply, words: settlement.words, final: settlement.final };
    if (this.#link.connected) this.#publish(sent);
    else this.#unsent.push(sent);
  }

  /** After a reconnect: repeats what is harmless to repeat (acks and terms), then sends what had to wait. */
  resend(): void {
    for (const sent of this.#recent.drain()) this.#publish(sent);
    for (const sent of this.#unsent.splice(0)) this.#publish(sent);
  }

  #publish(sent: Sent): void {
    if (this.#link.connection.isClosed()) return;
    this.#frames.say(sent.reply, sent.words);
    if (!sent.final) return;
    this.#recent.push(sent);
    if (this.#recent.length > REMEMBERED) this.#recent.shift();
  }
}
