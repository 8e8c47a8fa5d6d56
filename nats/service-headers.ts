// Headers of an answer that says what went wrong, as ADR-32 has them.
import { ActorEnded, MailboxFull } from '#runtime';

export const ERROR_HEADER = 'Nats-Service-Error';
/** A number, as HTTP has them. */
export const ERROR_CODE_HEADER = 'Nats-Service-Error-Code';

/** Status of a handler that failed. */
const FAILED = 500;
/** Status where what would have answered has ended or has no room: it, or who comes after it, may be asked again. */
export const UNAVAILABLE = 503;

/** The status of a handler's failure. */
export function statusOf(error: unknown): number {
  return error instanceof ActorEnded || error instanceof MailboxFull ? UNAVAILABLE : FAILED;
}
