// Publishes a sequence of items with a bounded number in flight, at no more than a given rate, and reports progress.
// An item that cannot be published fails by itself; what fails the system ends the sequence.
import type { Clock, PublishReceipt } from '#runtime';
import type { IntakePublisher } from './intake-publisher.ts';
import { bytesOf, ItemUnpublishable, type PublishSource } from './publish-source.ts';

const MAX_IN_FLIGHT = 64;
const MAX_BYTES_IN_FLIGHT = 64 * 1024 * 1024;

/** How far publishing is. */
export interface PublishProgress {
  readonly published: number;
  /** Of these, already in the stream: the same message was published shortly before. */
  readonly duplicates: number;
  readonly bytes: number;
  /** Highest intake sequence that was acknowledged. */
  readonly lastSequence: number;
}

export interface PublishAllOptions {
  readonly onProgress?: (progress: PublishProgress) => void;
  /** An item is in the stream. */
  readonly onPublished?: (item: PublishSource) => void;
  /** An item cannot be published; without this the first such ends everything. */
  readonly onUnpublishable?: (item: PublishSource, error: ItemUnpublishable) => void;
  readonly signal?: AbortSignal;
  /** At most so many items in a second. */
  readonly pace?: { readonly perSecond: number; readonly clock: Clock };
}

/** Publishes everything; rejects with the first failure after what is in flight has settled. */
export async function publishAll(
  publisher: Pick<IntakePublisher, 'publish'>,
  items: AsyncIterable<PublishSource>,
  options: PublishAllOptions = {},
): Promise<PublishProgress> {
  const { signal } = options;
  const running = new Set<Promise<void>>();
  const pacer = options.pace === undefined ? undefined : new Pacer(options.pace);
  let progress: PublishProgress = { published: 0, duplicates: 0, bytes: 0, lastSequence: 0 };
  let bytesInFlight = 0;
  let failure: unknown;
  const published = (item: PublishSource, receipt: PublishReceipt, bytes: number) => {
    progress = {
      published: progress.published + 1,
      duplicates: progress.duplicates + (receipt.duplicate ? 1 : 0),
      bytes: progress.bytes + bytes,
      lastSequence: Math.max(progress.lastSequence, receipt.sequence),
    };
    options.onPublished?.(item);
    options.onProgress?.(progress);
  };
  const failed = (item: PublishSource, error: unknown) => {
    if (error instanceof ItemUnpublishable && options.onUnpublishable !== undefined) {
      options.onUnpublishable(item, error);
    } else failure ??= error;
  };
  for await (const item of items) {
    const bytes = bytesOf(item);
    while (
      running.size >= MAX_IN_FLIGHT ||
      (running.size > 0 && bytesInFlight + bytes > MAX_BYTES_IN_FLIGHT)
    ) {
      await Promise.race(running);
    }
    await pacer?.next(signal);
    if (failure !== undefined || signal?.aborted === true) break;
    bytesInFlight += bytes;
    const task: Promise<void> = publisher
      .publish(item, signal)
      .then((receipt) => published(item, receipt, bytes))
      .catch((error: unknown) => failed(item, error))
      .finally(() => {
        bytesInFlight -= bytes;
        running.delete(task);
      });
    running.add(task);
  }
  await Promise.all(running);
  if (failure !== undefined && signal?.aborted !== true) throw failure;
  return progress;
}

/** Spaces items evenly; a pause is not made up for. */
class Pacer {
  readonly #intervalMs: number;
  readonly #clock: Clock;
  #nextMs = Number.NEGATIVE_INFINITY;

  constructor({ perSecond, clock }: { readonly perSecond: number; readonly clock: Clock }) {
    this.#intervalMs = 1000 / perSecond;
    this.#clock = clock;
  }

  async next(signal: AbortSignal | undefined): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    const dueMs = Math.max(nowMs, this.#nextMs);
    this.#nextMs = dueMs + this.#intervalMs;
    if (dueMs === nowMs || signal?.aborted === true) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#clock.schedule(dueMs - nowMs, resolve);
    signal?.addEventListener('abort', () => resolve(), { once: true });
    await promise;
    cancel();
  }
}
