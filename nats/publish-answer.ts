// Reads a stream's answer to a publish and says what follows from it. Which codes mean "later" is knowledge about
// nats-server (server/errors.json), kept in this one place.
import type { PublishReceipt } from '#runtime';
import type { PublishAnswer } from './publish-transport.ts';

/** What a publish answer means for the message. */
export type PublishVerdict =
  | { readonly type: 'stored'; readonly receipt: PublishReceipt }
  /** Later it may be taken. `full`: there is no room; else the cluster is at something else for a moment. */
  | { readonly type: 'later'; readonly full: boolean; readonly code: number; readonly description: string }
  | { readonly type: 'refused'; readonly code: number; readonly description: string }
  | { readonly type: 'no-stream' };

/** The expected last sequence of a subject was not its last: another message was stored there. */
export const WRONG_LAST_SEQUENCE = 10_071;
/** As `WRONG_LAST_SEQUENCE`, on replicated streams while another such publish is in flight. */
export const WRONG_LAST_SEQUENCE_UNKNOWN = 10_164;

const FULL = new Set([
  10_023, // insufficient resources: the server's own limit
  10_028, // memory limit of the account
  10_047, // storage limit of the account or server
  10_077, // store failed: maximum messages or bytes exceeded (discard new), or the disk
]);
const BUSY = new Set([
  10_008, // JetStream system temporarily unavailable
  10_009, // not the cluster's leader
  10_076, // JetStream not enabled: being recovered, or switched off for a full disk
  10_158, // the same id is being stored: a repeat came before the first was answered
]);

/** Whether a publish was refused with this code because there is no room. */
export function isFullCode(code: number): boolean {
  return FULL.has(code);
}

interface AnswerBody {
  readonly stream?: string;
  readonly seq?: number;
  readonly duplicate?: boolean;
  readonly error?: { readonly code?: number; readonly err_code?: number; readonly description?: string };
}

/** Classes one answer. A body which is no JSON is refused with code 0. */
export function readAnswer(answer: PublishAnswer): PublishVerdict {
  if (answer.status === 503) return { type: 'no-stream' };
  let body: AnswerBody;
  try {
    body = JSON.parse(answer.body) as AnswerBody;
  } catch {
    return { type: 'refused', code: 0, description: `unreadable answer ${answer.body.slice(0, 80)}` };
  }
  if (body.error !== undefined) {
    const code = body.error.err_code ?? body.error.code ?? 0;
    const description = body.error.description ?? 'no description';
    if (FULL.has(code) || BUSY.has(code)) return { type: 'later', full: FULL.has(code), code, description };
    return { type: 'refused', code, description };
  }
  if (body.stream === undefined || body.seq === undefined) {
    return { type: 'refused', code: 0, description: `not a stream's answer: ${answer.body.slice(0, 80)}` };
  }
  const receipt = { stream: body.stream, sequence: body.seq, duplicate: body.duplicate === true };
  return { type: 'stored', receipt };
}
