// Reads a stream from somewhere on and goes on as messages come: each once, in order, over reconnects. A plain
// subscription only says that there is something new; what is given is what the stream holds.
import { pause } from '#runtime';
import type { NatsLink } from './connection.ts';
import { eachMessage, messageAt, streamState } from './inspect.ts';
import type { StoredMessage } from './stored-message.ts';

/** A message reaches its subscribers before it can be read. */
const SETTLE_MS = 20;
/** A look without any sign, in case one was missed. */
const LOOK_MS = 2_000;

/** Every message of `subject` (wildcards allowed) from `fromSequence` on, until the signal aborts. */
export async function* followStream(
  link: NatsLink,
  stream: string,
  options: { readonly subject: string; readonly fromSequence: number; readonly signal: AbortSignal },
): AsyncGenerator<StoredMessage, void> {
  const { subject, signal } = options;
  let next = options.fromSequence;
  let news = new AbortController();
  const end = link.subscribe(subject, () => news.abort());
  try {
    while (!signal.aborted) {
      news = new AbortController();
      for await (const message of eachMessage(link, stream, { fromSequence: next, subject })) {
        if (signal.aborted) return;
        next = message.sequence + 1;
        yield message;
      }
      await pause(link.clock, LOOK_MS, AbortSignal.any([signal, news.signal]));
      await pause(link.clock, SETTLE_MS, signal);
    }
  } finally {
    end();
  }
}

/** The first sequence stored at `sinceMs` (wall-clock) or later; the next one to come where there is none. */
export async function sequenceSince(link: NatsLink, stream: string, sinceMs: number): Promise<number> {
  const { firstSequence, lastSequence } = await streamState(link, stream);
  let low = Math.max(1, firstSequence);
  let high = lastSequence + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    // A stream of events loses its oldest only: what is missing in the middle went that way, too.
    const message = await messageAt(link, stream, middle);
    if (message === undefined || Date.parse(message.storedAt) < sinceMs) low = middle + 1;
    else high = middle;
  }
  return low;
}
