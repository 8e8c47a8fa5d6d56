// The headers of a message as text, as they are on the wire. The client makes a map of lists of each message's headers,
// which costs more than to look up the one or two that are asked for.
import type { Msg, MsgImpl } from 'nats';

/** Headers as they go over the wire, first line and last empty one included; the empty text where there are none. */
export type HeaderText = string;

const VERSION = 'NATS/1.0';
const LINE_END = '\r\n';
const LINE_BREAK = /[\r\n]/;
/** Visible, and no colon. */
const NAME = /^[\x21-\x39\x3b-\x7e]+$/;

/**
 * The headers of one message.
 * @throws TypeError for what cannot stand in a header
 */
export function headerText(entries: Iterable<readonly [string, string]>): HeaderText {
  let lines = '';
  for (const [name, value] of entries) {
    if (!NAME.test(name))
      throw new TypeError(`header name ${JSON.stringify(name)}: expected visible ASCII without ":"`);
    if (LINE_BREAK.test(value))
      throw new TypeError(`header ${name}: expected one line, got ${JSON.stringify(value)}`);
    lines += `${name}: ${value.trim()}${LINE_END}`;
  }
  return lines === '' ? '' : `${VERSION}${LINE_END}${lines}${LINE_END}`;
}

/** The first value of a header, its name in the same letters; undefined where there is none. */
export function headerIn(text: HeaderText, name: string): string | undefined {
  const begin = `${LINE_END}${name}:`;
  const at = text.indexOf(begin);
  if (at < 0) return undefined;
  const end = text.indexOf(LINE_END, at + begin.length);
  return text.slice(at + begin.length, end < 0 ? undefined : end).trim();
}

/**
 * What a message came with. The client keeps headers and body in one piece, one after the other; where that is not so, it
 * is asked for the headers.
 */
export function receivedHeaders(message: Msg): HeaderText {
  const { data, subject, reply = '' } = message;
  const length =
    (message as MsgImpl).size() - Buffer.byteLength(subject) - Buffer.byteLength(reply) - data.length;
  if (length === 0) return '';
  const text =
    length <= data.byteOffset ? Buffer.from(data.buffer, data.byteOffset - length, length).toString() : '';
  return text.startsWith(VERSION) && text.endsWith(LINE_END) ? text : String(message.headers ?? '');
}
