import fc from 'fast-check';
import { headers, type Msg } from 'nats';
import { describe, expect, it } from 'vitest';
import { headerIn, headerText, receivedHeaders } from '../../../nats/header-text.ts';

const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,20}$/);
const value = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => !/[\r\n]/.test(text));
const entries = fc.uniqueArray(fc.tuple(name, value), {
  selector: ([each]) => each,
  minLength: 1,
  maxLength: 6,
});

/** A message as the client gives it: headers and body in one piece of a larger buffer. */
function received(text: string, body: string, subject = 'troupe.work', reply = '$JS.ACK.x'): Msg {
  const [before, head] = [Buffer.from('junk'), Buffer.from(text)];
  const whole = new Uint8Array(Buffer.concat([before, head, Buffer.from(body), Buffer.from('more')]));
  const size = subject.length + reply.length + head.length + body.length;
  const start = before.length + head.length;
  const data = whole.subarray(start, start + body.length);
  return { subject, reply, data, size: () => size, headers: undefined } as unknown as Msg;
}

describe('the headers of a message as text', () => {
  it('are what the client itself would send', () => {
    fc.assert(
      fc.property(entries, (all) => {
        const built = headers();
        for (const [each, text] of all) built.append(each, text);
        expect(headerText(all)).toBe(String(built));
      }),
    );
  });

  it('give back every value under its name, without the spaces around it', () => {
    fc.assert(
      fc.property(entries, (all) => {
        const message = received(headerText(all), 'body');
        for (const [each, text] of all) expect(headerIn(receivedHeaders(message), each)).toBe(text.trim());
      }),
    );
  });

  it('are the empty text where there are none', () => {
    expect(headerText([])).toBe('');
    expect(receivedHeaders(received('', 'body'))).toBe('');
    expect(headerIn('', 'traceparent')).toBeUndefined();
  });

  it('have a header only under its own name, in the same letters', () => {
    const text = headerText([
      ['Nats-Msg-Id', 'a: b'],
      ['Troupe-Id', 'Nats-Msg: no'],
    ]);
    expect(headerIn(text, 'nats-msg-id')).toBeUndefined();
    expect(headerIn(text, 'Nats-Msg')).toBeUndefined();
    expect(headerIn(text, 'Id')).toBeUndefined();
    expect(headerIn(text, 'Nats-Msg-Id')).toBe('a: b');
  });

  it('give the first of several values, as the client does', () => {
    const text = headerText([
      ['a', 'one'],
      ['a', 'two'],
    ]);
    expect(headerIn(text, 'a')).toBe('one');
  });

  it.each([
    ['a name with a colon', 'a:b', 'x'],
    ['a name with a space', 'a b', 'x'],
    ['no name', '', 'x'],
    ['a line break in a value', 'a', 'x\r\nEvil: y'],
    ['half a line break in a value', 'a', 'x\ny'],
  ])('are refused with %s', (_what, each, text) => {
    expect(() => headerText([[each, text]])).toThrow(TypeError);
  });

  it('are asked of the client where they do not stand before the body', () => {
    const built = headers();
    built.append('a', 'one');
    const elsewhere = { ...received(String(built), 'body'), data: new Uint8Array(4), headers: built };
    expect(headerIn(receivedHeaders(elsewhere as Msg), 'a')).toBe('one');
  });
});
