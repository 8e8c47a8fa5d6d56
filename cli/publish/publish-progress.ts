// The words of the progress line: how much is published, how fast, and how long the rest takes.
import { bytesOf, type PublishSource } from './publish-source.ts';

/** How much there is to publish. */
export interface Amount {
  readonly items: number;
  readonly bytes: number;
}

/** Counts items and their bytes. */
export async function measure(items: AsyncIterable<PublishSource>, signal?: AbortSignal): Promise<Amount> {
  let [count, bytes] = [0, 0];
  for await (const item of items) {
    if (signal?.aborted === true) break;
    count += 1;
    bytes += bytesOf(item);
  }
  return { items: count, bytes };
}

/** One line; `total` is undefined where nobody knows how much will come. */
export function progressText(done: Amount, total: Amount | undefined, elapsedMs: number): string {
  const seconds = Math.max(0.001, elapsedMs / 1000);
  const of = total === undefined ? '' : ` of ${total.items}`;
  const line = `published ${done.items}${of} items, ${megabytes(done.bytes)}, ${(done.items / seconds).toFixed(0)} items/s`;
  const left = total === undefined ? undefined : secondsLeft(done, total, seconds);
  return left === undefined ? line : `${line}, ${duration(left)} left`;
}

/** A rate from less time than this says nothing about the rest. */
const ESTIMATE_FROM_S = 2;

/** What is slower counts: the bytes that are left, or the items. */
function secondsLeft(done: Amount, total: Amount, seconds: number): number | undefined {
  if (done.items === 0 || seconds < ESTIMATE_FROM_S) return undefined;
  const byItems = ((total.items - done.items) * seconds) / done.items;
  const byBytes = done.bytes === 0 ? 0 : ((total.bytes - done.bytes) * seconds) / done.bytes;
  return Math.max(0, byItems, byBytes);
}

/** `42 s`, `3 min`, `2.5 h`. */
function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5_400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** Bytes as MB with one decimal. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
