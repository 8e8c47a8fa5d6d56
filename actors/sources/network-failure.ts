// What an error of the network or of a stream means for the item: whether it may pass, and whether it tells something of
// the place that was asked or only of what came from there.
import { PassingFailure } from '../pipeline/item-failure.ts';

/** Nothing was reached, so nothing that was asked for can be to blame. */
const NOT_REACHED: ReadonlySet<string> = new Set([
  'EAI_AGAIN',
  'ECONNREFUSED',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'ETIMEDOUT',
]);
/** What came is not compressed as it says: zlib, Zstandard, Brotli. */
const DECODING = /^(Z_|ZSTD_|ERR_+BROTLI|ERR__ERROR)/;

/** The failure that an error code of the network stands for. */
export function failureOfNetwork(code: string, place: string, cause: Error): PassingFailure {
  return new PassingFailure('fetch_failed', `${place} could not be fetched (${code})`, {
    cause,
    ...(NOT_REACHED.has(code) && { failureClass: 'recoverable' as const }),
    ofSource: !DECODING.test(code),
  });
}
