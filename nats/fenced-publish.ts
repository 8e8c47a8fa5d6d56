// Publishes one message under the condition that a subject's last sequence is the expected one, and finds out what a
// refusal means. From server 2.12 on, the repeat of a publish that succeeded is refused too (before, it is answered
// as a duplicate), so the last message's own id decides, read from the leader.
import { pause } from '#runtime';
import type { NatsLink } from './connection.ts';
import { PublishRefused } from './errors.ts';
import { WRONG_LAST_SEQUENCE, WRONG_LAST_SEQUENCE_UNKNOWN } from './publish-answer.ts';
import { readStored, type StoredMessage } from './stored-message.ts';

/**
 * Leases and journals wait for nothing else meanwhile, and what a leader that is gone was sent is never answered: asked
 * again after this, they lose no more time than an election takes.
 */
const ANSWER_MS = 1_000;

/** A conditional message. `id` must never have been used for another one. */
export interface FencedMessage {
  readonly stream: string;
  readonly subject: string;
  readonly data: Uint8Array;
  readonly id: string;
  /** The sequence which must be the subject's last; 0: there is none. */
  readonly expected: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default `fail`. */
  readonly whenFull?: 'wait' | 'fail';
}

/** Stored at `sequence`, or refused because `last` is the subject's last message. */
export type FencedOutcome =
  | { readonly type: 'stored'; readonly sequence: number }
  | { readonly type: 'refused'; readonly last: StoredMessage | undefined };

/**
 * Stores the message if the expectation holds. Answers which are lost are asked for again with the same id, so the
 * outcome is always known when this resolves.
 * @throws StreamFull, NoStream, PublishRefused (for another reason), LinkClosed
 */
export async function publishFenced(link: NatsLink, message: FencedMessage): Promise<FencedOutcome> {
  const { stream, subject, data, id, expected, headers } = message;
  for (;;) {
    try {
      const receipt = await link.publisher.publishWith(
        headers === undefined ? { subject, data, id } : { subject, data, id, headers },
        {
          expectLastSubjectSequence: expected,
          whenFull: message.whenFull ?? 'fail',
          answerTimeoutMs: ANSWER_MS,
        },
      );
      return { type: 'stored', sequence: receipt.sequence };
    } catch (error) {
      if (!(error instanceof PublishRefused)) throw error;
      if (error.code !== WRONG_LAST_SEQUENCE && error.code !== WRONG_LAST_SEQUENCE_UNKNOWN) throw error;
      const last = await readStored(link, stream, { last_by_subj: subject });
      if (last?.header('Nats-Msg-Id') === id) return { type: 'stored', sequence: last.sequence };
      if ((last?.sequence ?? 0) !== expected) return { type: 'refused', last };
      // The leader agrees with the expectation: another publish in flight was in the way and is gone. Again.
      await pause(link.clock, 5);
    }
  }
}

/**
 * Stores the message unless its subject has one, whatever that is. Resolves to whether it was stored now; a repeat of it
 * that was needed because an answer was lost may say false.
 * @throws StreamFull, NoStream, PublishRefused (for another reason), LinkClosed
 */
export async function publishFirst(
  link: NatsLink,
  message: Omit<FencedMessage, 'expected' | 'headers'>,
): Promise<boolean> {
  const { subject, data, id, whenFull = 'fail' } = message;
  try {
    await link.publisher.publishWith({ subject, data, id }, { expectLastSubjectSequence: 0, whenFull });
    return true;
  } catch (error) {
    if (!(error instanceof PublishRefused)) throw error;
    // The stream names the message that it has. Where it does not, one in flight is in the way, and may yet fail.
    if (error.code === WRONG_LAST_SEQUENCE && /: [1-9]\d*$/.test(error.description)) return false;
    return (await publishFenced(link, { ...message, expected: 0 })).type === 'stored';
  }
}
