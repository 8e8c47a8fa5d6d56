// Writes what is published into the client's outgoing queue as one finished frame a message. The client itself makes
// four pieces of each, encodes every one for itself and copies them together again, which costs more than the rest of
// publishing a small message.
import { errors, type NatsConnection, type NatsConnectionImpl } from 'nats';
import type { HeaderText } from './header-text.ts';

/** A larger body is not copied into its frame. */
const MAX_COPIED_BYTES = 16 * 1024;
const LINE_END = new Uint8Array([13, 10]);
const NOT_A_SUBJECT = /^$|\s/;

/** What is used of the client's connection, which it does not publish. */
type Outgoing = Pick<NatsConnectionImpl['protocol'], 'sendCommand' | 'noMorePublishing'>;

/** Publishes over one connection. */
export class Frames {
  readonly #connection: NatsConnection;
  readonly #outgoing: Outgoing;

  constructor(connection: NatsConnection) {
    this.#connection = connection;
    this.#outgoing = (connection as NatsConnectionImpl).protocol;
  }

  /**
   * Publishes in the order of whatever else the connection is given. An answer comes to `reply`.
   * @throws ClosedConnectionError, DrainingConnectionError, InvalidSubjectError; RangeError for more than the server takes
   */
  publish(subject: string, reply: string, headers: HeaderText, data: Uint8Array): void {
    this.#check(subject);
    this.#check(reply);
    const headerBytes = Buffer.byteLength(headers);
    const bytes = headerBytes + data.length;
    const limit = this.#connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
    if (bytes > limit)
      throw new RangeError(`${bytes} bytes with headers exceed the server's max_payload of ${limit}`);
    const begin =
      headerBytes === 0
        ? `PUB ${subject} ${reply} ${bytes}\r\n`
        : `HPUB ${subject} ${reply} ${headerBytes} ${bytes}\r\n${headers}`;
    if (data.length <= MAX_COPIED_BYTES) this.#outgoing.sendCommand(frameOf(begin, data));
    else this.#outgoing.sendCommand(Buffer.from(begin), data, LINE_END);
  }

  /**
   * Publishes a few words of ASCII to which no answer is wanted.
   * @throws as `publish`
   */
  say(subject: string, words: string): void {
    this.#check(subject);
    this.#outgoing.sendCommand(Buffer.from(`PUB ${subject} ${words.length}\r\n${words}\r\n`, 'latin1'));
  }

  #check(subject: string): void {
    if (this.#connection.isClosed()) throw new errors.ClosedConnectionError();
    if (this.#outgoing.noMorePublishing) throw new errors.DrainingConnectionError();
    if (NOT_A_SUBJECT.test(subject)) throw new errors.InvalidSubjectError(subject);
  }
}

function frameOf(begin: string, data: Uint8Array): Uint8Array {
  const beginBytes = Buffer.byteLength(begin);
  const frame = Buffer.allocUnsafe(beginBytes + data.length + LINE_END.length);
  frame.write(begin);
  frame.set(data, beginBytes);
  frame.set(LINE_END, beginBytes + data.length);
  return frame;
}
