// Ids and headers of the messages that a hop publishes: what makes a repetition of it recognisable, and what a dead
// letter or a held message keeps of the one that it came from.
import type { Delivery } from '#runtime';
import type { DatasetPorts } from './dataset-ports.ts';

/** Id of a hop's message: the same for every repetition of the same effect, so that the stream stores it once. */
export function hopId(
  ports: Pick<DatasetPorts, 'dataset' | 'incarnation'>,
  stage: string,
  sequence: number,
  effect: number,
): string {
  return `${ports.dataset}.${ports.incarnation}.${stage}.${sequence}.${effect}.0`;
}

/** The sequence that a message has in the intake stream. */
export const SEQUENCE_HEADER = 'Troupe-Sequence';
/** Attempts that were made of a message. */
export const ATTEMPTS_HEADER = 'Troupe-Attempts';
/** Headers of a publisher, which a retry gives to the item again. */
const INTAKE_HEADERS = [
  'Content-Type',
  'Troupe-Id',
  'Troupe-Source',
  'Troupe-Time',
  'Troupe-Sha256',
  'traceparent',
  'tracestate',
] as const;
/** Longest header that is kept as it is; an id may have 1,024 characters of up to 4 bytes. */
const MAX_KEPT_HEADER = 4_096;

/**
 * The publisher's own headers, kept with a dead letter so that it can be understood and retried. They are kept as they
 * were; `Troupe-Shortened` names those that were too long for it.
 */
export function intakeHeaders(delivery: Delivery): Record<string, string> {
  const kept: Record<string, string> = {};
  const shortened: string[] = [];
  for (const name of INTAKE_HEADERS) {
    const value = delivery.header(name);
    if (value === undefined) continue;
    kept[name] = value.slice(0, MAX_KEPT_HEADER).replace(/[\r\n]+/g, ' ');
    if (value.length > MAX_KEPT_HEADER) shortened.push(name);
  }
  if (shortened.length > 0) kept['Troupe-Shortened'] = shortened.join(', ');
  return kept;
}

/** Headers of a held message: the publisher's own, its sequence in the intake stream, and the attempts made there. */
export function heldHeaders(
  original: Delivery,
  { sequence, attempts }: { readonly sequence: number; readonly attempts: number },
): Record<string, string> {
  return {
    ...intakeHeaders(original),
    [SEQUENCE_HEADER]: String(sequence),
    [ATTEMPTS_HEADER]: String(attempts),
  };
}

/** The intake sequence of a message that was held; 0 where there is none. */
export function heldSequence(delivery: Delivery): number {
  return Number(delivery.header(SEQUENCE_HEADER) ?? 0);
}

/** The attempts that were made of a message before it was held; 0 where none is named. */
export function formerAttempts(delivery: Delivery): number {
  return Number(delivery.header(ATTEMPTS_HEADER) ?? 0);
}

/** Header-safe: one line, at most 512 characters. */
export function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 512);
}
