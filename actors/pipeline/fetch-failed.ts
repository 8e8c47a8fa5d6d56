// What becomes of an item whose content could not be fetched: when it is tried again, and at what cost. Retries never
// happen in place, so that a place which is slow or away holds up nobody but those who need it.
import { consequenceOf } from '#supervision';
import { ItemFailure, type PassingFailure } from './item-failure.ts';
import type { Later } from './stage.ts';

/** The content could not be fetched now: the item waits where it holds nothing else up. */
export class FetchFailed extends Error {
  override readonly name = 'FetchFailed';
  readonly failure: PassingFailure;

  constructor(failure: PassingFailure) {
    super(failure.message, { cause: failure });
    this.failure = failure;
  }
}

const RETRY_MS = 500;
/** Before what somebody has to mend is tried again, where no breaker says when. */
const LONG_RETRY_MS = 5_000;

/** When an item whose `tries`th fetch failed so is fetched again, and whether that cost an attempt. */
export function laterOf(failure: PassingFailure, tries: number): Later {
  const { code, message, failureClass, retryAfterMs } = failure;
  const consequence = consequenceOf(failureClass);
  if (consequence.action !== 'retry') throw failure;
  const delayMs = consequence.delay === 'long' ? LONG_RETRY_MS : RETRY_MS * 2 ** (tries - 1);
  const waitMs = retryAfterMs > 0 ? retryAfterMs : delayMs;
  if (!consequence.countsAttempt) return { waitMs };
  return { waitMs, attempt: new ItemFailure(code, message, { cause: failure }) };
}

/** What an item dies of that waited for its place as long as one may. */
export function gaveUp(failure: PassingFailure): ItemFailure {
  return new ItemFailure(failure.code, `given up waiting: ${failure.message}`, { cause: failure });
}
