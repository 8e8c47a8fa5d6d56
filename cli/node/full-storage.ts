// What is full and what to do about it, in words for `status`: streams by their own limits, and what nodes hold back
// because a server takes nothing. A work queue that is full is no problem but the brake that it is meant to be.
import { isFullCode, type StreamHealth, type WaitingSubject } from '#nats';
import { durationText } from '../duration-text.ts';

/** Share of its limit from which a journal pauses intake, and from which any other stream is as good as full. */
const JOURNAL_FROM = 0.8;
const FULL_FROM = 0.98;
/** A stream's own limit, in JetStream's words; everything else that it refuses for is its server's. */
const OWN_LIMIT = /maximum (messages|bytes)/;

/** One line for each stream that is full by its own limit. */
export function fullStreams(streams: readonly StreamHealth[], system: string): readonly string[] {
  return streams.flatMap((stream) => {
    const share = Math.max(stream.bytes / stream.maxBytes, stream.messages / stream.maxMessages);
    const advice = stream.refusesWhenFull ? adviceFor(stream.stream, system) : undefined;
    if (advice === undefined || share < advice.from) return [];
    return [`${advice.what} ${Math.floor(share * 100)} % full (stream ${stream.stream}): ${advice.text}`];
  });
}

interface Advice {
  readonly what: string;
  readonly from: number;
  readonly text: string;
}

function adviceFor(stream: string, system: string): Advice | undefined {
  const [kind = '', dataset = ''] = stream.slice(system.length + 1).split('_');
  if (stream.startsWith('KV_') || stream.startsWith('OBJ_')) {
    const text = `what needs it waits and goes on by itself once there is room: raise its max_bytes`;
    return { what: `bucket ${stream.replace(/^(KV|OBJ)_/, '')} is`, from: FULL_FROM, text };
  }
  switch (kind) {
    case 'INTAKE':
      return {
        what: `intake of ${dataset} is`,
        from: FULL_FROM,
        text: 'publishers wait until nodes have taken items on: run more nodes, or raise storage.limits.intake',
      };
    case 'JOURNAL':
      return {
        what: `the journals of ${dataset} are`,
        from: JOURNAL_FROM,
        text: 'intake is paused until snapshots make room: raise storage.limits.journal if it stays so',
      };
    case 'DEAD':
      return {
        what: `the dead letters of ${dataset} are`,
        from: FULL_FROM,
        text: `a stage that has one to add waits: \`troupe dead list ${dataset}\`, retry or purge them, or raise storage.limits.dead`,
      };
    default:
      return undefined;
  }
}

/** One line for each node and reason for which it holds messages back. */
export function waitingProblems(node: string, waiting: readonly WaitingSubject[]): readonly string[] {
  const held = waiting.find(({ code }) => code === 0);
  if (held !== undefined) {
    const since = durationText(held.forMs);
    return [
      `node ${node} stores nothing, for ${since}: ${held.why}; it goes on by itself once there is room`,
    ];
  }
  const told = waiting.filter(({ subject, why }) => !(OWN_LIMIT.test(why) && subject.includes('.work.')));
  const byReason = Map.groupBy(told, ({ code, why }) => `${why} (${code})`);
  return [...byReason].map(([reason, subjects]) => {
    const messages = subjects.reduce((sum, subject) => sum + subject.messages, 0);
    const longest = Math.max(...subjects.map(({ forMs }) => forMs));
    const [first] = subjects;
    const isFull = first !== undefined && isFullCode(first.code);
    const others = subjects.length > 1 ? ` and ${subjects.length - 1} more` : '';
    const advice = !isFull
      ? 'start the NATS servers that are missing, or free the disk of one that is full'
      : OWN_LIMIT.test(reason)
        ? 'raise the limit of that stream'
        : "free disk space on the NATS server, or raise its JetStream max_file or the account's limit";
    return (
      `node ${node} has waited ${durationText(longest)} for ${isFull ? 'room' : 'a leader'} to store ${messages} ` +
      `${messages === 1 ? 'message' : 'messages'} (${first?.subject}${others}): the server answers "${reason}"; ` +
      `${advice}; it goes on by itself`
    );
  });
}
