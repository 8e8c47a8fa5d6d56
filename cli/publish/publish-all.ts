// Publishes a sequence of items with a bounded number in flight, and reports progress.
import type { PublishReceipt } from '#runtime';
import type { PublishSource } from './expand-sources.ts';
import type { IntakePublisher } from './intake-publisher.ts';

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

/** Publishes everything; rejects with the first failure after what is in flight has settled. */
export async function publishAll(
  publisher: Pick<IntakePublisher, 'publish'>,
  items: AsyncIterable<PublishSource>,
  options: { readonly onProgress?: (progress: PublishProgress) => void; readonly signal?: AbortSignal } = {},
): Promise<PublishProgress> {
  const running = new Set<Promise<void>>();
  let progress: PublishProgress = { published: 0, duplicates: 0, bytes: 0, lastSequence: 0 };
  let bytesInFlight = 0;
  let failure: unknown;
  const settled = (receipt: PublishReceipt, bytes: number) => {
    progress = {
      published: progress.published + 1,
      duplicates: progress.duplicates + (receipt.duplicate ? 1 : 0),
      bytes: progress.bytes + bytes,
      lastSequence: Math.max(progress.lastSequence, receipt.sequence),
    };
    options.onProgress?.(progress);
  };
  for await (const item of items) {
    if (failure !== undefined || options.signal?.aborted === true) break;
    const bytes = item.type === 'file' ? item.bytes : 0;
    while (
      running.size >= MAX_IN_FLIGHT ||
      (running.size > 0 && bytesInFlight + bytes > MAX_BYTES_IN_FLIGHT)
    ) {
      await Promise.race(running);
    }
    bytesInFlight += bytes;
    const task: Promise<void> = publisher
      .publish(item, options.signal)
      .then((receipt) => settled(receipt, bytes))
      .catch((error: unknown) => {
        failure ??= error;
      })
      .finally(() => {
        bytesInFlight -= bytes;
        running.delete(task);
      });
    running.add(task);
  }
  await Promise.all(running);
  if (failure !== undefined && options.signal?.aborted !== true) throw failure;
  return progress;
}
