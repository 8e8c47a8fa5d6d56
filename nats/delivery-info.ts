// Reads the reply subject of a delivered message, in which the server tells where the message stands. Both forms
// are understood: nine tokens, and eleven or more with domain and account.

/** What a delivery's reply subject says. */
export interface DeliveryInfo {
  /** 1 for the first delivery. */
  readonly deliveries: number;
  readonly streamSequence: number;
  /** Counts the consumer's deliveries from 1 without gaps. */
  readonly consumerSequence: number;
  /** Wall-clock milliseconds at which the stream stored the message. */
  readonly storedAtMs: number;
  /** Messages of the consumer's filter after this one. */
  readonly pending: number;
}

/** Parses `$JS.ACK.…`; `undefined` for any other subject. */
export function parseDelivery(reply: string | undefined): DeliveryInfo | undefined {
  if (reply?.startsWith('$JS.ACK.') !== true) return undefined;
  const tokens = reply.split('.');
  const first = tokens.length === 9 ? 4 : 6;
  if (tokens.length !== 9 && tokens.length < 11) return undefined;
  const number = (index: number) => Number(tokens[first + index]);
  return {
    deliveries: number(0),
    streamSequence: number(1),
    consumerSequence: number(2),
    storedAtMs: Math.floor(number(3) / 1e6),
    pending: number(4),
  };
}
