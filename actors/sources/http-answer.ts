// What the status of an HTTP answer means for the item: its content follows, it is elsewhere, or a failure that
// passes or does not. Used for web servers and for S3-compatible stores alike.
import { ItemFailure, PassingFailure } from '../pipeline/item-failure.ts';

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const PASSING = new Set([408, 425, 429]);
/** The longest that a server may make one item wait. */
const MAX_RETRY_AFTER_MS = 30_000;

export function isRedirect(status: number): boolean {
  return REDIRECTS.has(status);
}

/** The failure that a status other than 200 stands for; `retryAfter` is the header of that name. */
export function failureOfStatus(
  status: number,
  place: string,
  options: { readonly retryAfter?: string | undefined; readonly wallMs: number; readonly cause?: unknown },
): ItemFailure | PassingFailure {
  const { cause } = options;
  const message = `${place} answered ${status}`;
  if (status === 404 || status === 410) return new ItemFailure('not_found', message, { cause });
  if (status === 401 || status === 403 || status === 407 || status === 451) {
    return new ItemFailure('access_denied', message, { cause });
  }
  if (PASSING.has(status) || status >= 500) {
    const retryAfterMs = parseRetryAfter(options.retryAfter, options.wallMs);
    return new PassingFailure('fetch_failed', message, {
      cause,
      ofSource: status >= 500,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    });
  }
  return new ItemFailure('fetch_failed', `${message}; expected 200`, { cause });
}

/** Seconds or a date, as ms from now, at most 30 s. */
export function parseRetryAfter(header: string | undefined, wallMs: number): number | undefined {
  if (header === undefined) return undefined;
  const seconds = /^\s*\d+\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - wallMs;
  if (Number.isNaN(seconds)) return undefined;
  return Math.min(MAX_RETRY_AFTER_MS, Math.max(0, seconds));
}
