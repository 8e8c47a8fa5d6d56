import fc from 'fast-check';
import { errors, type NatsConnection } from 'nats';
import { describe, expect, it } from 'vitest';
import { Frames } from '../../../nats/frames.ts';
import { headerText } from '../../../nats/header-text.ts';

const MAX_PAYLOAD = 64 * 1024;

/** A connection that keeps what goes out. */
function connection(state: { isClosed?: boolean; noMorePublishing?: boolean } = {}) {
  const pieces: Uint8Array[] = [];
  const client = {
    info: { max_payload: MAX_PAYLOAD },
    isClosed: () => state.isClosed === true,
    protocol: {
      noMorePublishing: state.noMorePublishing === true,
      sendCommand: (...sent: Uint8Array[]) => void pieces.push(...sent),
    },
  } as unknown as NatsConnection;
  return { frames: new Frames(client), pieces, text: () => Buffer.concat(pieces).toString() };
}

const bytes = (text: string) => new TextEncoder().encode(text);

describe('frames', () => {
  it('announce headers and body in bytes, whatever the letters', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }).filter((text) => !/[\r\n]/.test(text)),
        fc.uint8Array({ maxLength: 20_000 }),
        (id, data) => {
          const { frames, pieces } = connection();
          const headers = headerText([['Nats-Msg-Id', id]]);
          frames.publish('troupe.work', 'inbox.1', headers, data);
          const whole = Buffer.concat(pieces);
          const [line = ''] = whole.toString().split('\r\n', 1);
          const [verb, subject, reply, headerBytes, all] = line.split(' ');
          expect([verb, subject, reply]).toEqual(['HPUB', 'troupe.work', 'inbox.1']);
          const rest = whole.subarray(line.length + 2);
          expect(rest.subarray(0, Number(headerBytes)).toString()).toBe(headers);
          expect(rest.subarray(Number(headerBytes), Number(all))).toEqual(Buffer.from(data));
          expect(rest.subarray(Number(all)).toString()).toBe('\r\n');
        },
      ),
    );
  });

  it('are one piece each, but for large bodies, which are not copied', () => {
    const { frames, pieces } = connection();
    frames.publish('a', 'b', '', bytes('small'));
    expect(pieces).toHaveLength(1);
    const large = new Uint8Array(32 * 1024);
    frames.publish('a', 'b', '', large);
    expect(pieces).toContain(large);
  });

  it('without headers are plain ones', () => {
    const { frames, text } = connection();
    frames.publish('a', 'b', '', bytes('xyz'));
    frames.say('c', '+ACK');
    expect(text()).toBe('PUB a b 3\r\nxyz\r\nPUB c 4\r\n+ACK\r\n');
  });

  it('are refused where the connection is closed or about to be', () => {
    const closed = connection({ isClosed: true });
    const draining = connection({ noMorePublishing: true });
    expect(() => closed.frames.say('a', '+ACK')).toThrow(errors.ClosedConnectionError);
    expect(() => draining.frames.say('a', '+ACK')).toThrow(errors.DrainingConnectionError);
    expect([...closed.pieces, ...draining.pieces]).toEqual([]);
  });

  it('are refused for more than the server takes, headers included', () => {
    const { frames, pieces } = connection();
    const headers = headerText([['a', 'b']]);
    expect(() => frames.publish('a', 'b', headers, new Uint8Array(MAX_PAYLOAD))).toThrow(RangeError);
    expect(pieces).toEqual([]);
    frames.publish('a', 'b', headers, new Uint8Array(MAX_PAYLOAD - headers.length));
    expect(pieces).not.toEqual([]);
  });

  it.each(['', 'a b', 'a\r\nPUB x 0\r\n'])('are refused for a subject that is none: %j', (subject) => {
    const { frames, pieces } = connection();
    expect(() => frames.publish(subject, 'b', '', bytes('x'))).toThrow(errors.InvalidSubjectError);
    expect(() => frames.publish('a', subject, '', bytes('x'))).toThrow(errors.InvalidSubjectError);
    expect(() => frames.say(subject, '+ACK')).toThrow(errors.InvalidSubjectError);
    expect(pieces).toEqual([]);
  });
});
