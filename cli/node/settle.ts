// Waits until everything that was published has a verdict, and tells how far it is.
import type { VerdictCounts } from '#actors';
import { streamState } from '#nats';
import { CommandError } from '../command-error.ts';
import type { Terminal } from '../terminal.ts';
import type { ClientSystem } from './client-system.ts';

const POLL_MS = 200;
/** Without any progress for this long the wait is given up: nothing is lost, but a node is needed. */
const STALLED_MS = 120_000;

/**
 * Waits until no sequence up to `through` (default: what is published now) is without a verdict.
 * @throws CommandError `no_answer` when nothing moves for two minutes
 */
export async function waitUntilSettled(
  system: ClientSystem,
  dataset: string,
  options: { readonly terminal: Terminal; readonly through?: number; readonly signal?: AbortSignal },
): Promise<VerdictCounts> {
  const { clock } = system.link;
  const progress = options.terminal.progress();
  const startedMs = clock.monotonicMs();
  let movedMs = startedMs;
  let settledBefore: number | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (;;) {
    const through =
      options.through ?? (await streamState(system.link, system.names.streams.intake(dataset))).lastSequence;
    const { counts, missing } = await system.keeper(dataset).settled(through);
    const nowMs = clock.monotonicMs();
    const settled = through - missing.count;
    settledBefore ??= settled;
    const seconds = (nowMs - startedMs) / 1000;
    const rate = seconds < 1 ? '' : `, ${((settled - settledBefore) / seconds).toFixed(0)} items/s`;
    const line = `settled ${settled} of ${through}${rate}`;
    if (missing.count === 0) {
      progress.done(line);
      return counts;
    }
    progress.update(line);
    if (missing.count < least) [least, movedMs] = [missing.count, nowMs];
    if (nowMs - movedMs > STALLED_MS) {
      throw new CommandError(
        'no_answer',
        `${missing.count} items of ${dataset} have not moved for two minutes`,
      );
    }
    options.signal?.throwIfAborted();
    await new Promise<void>((resolve) => {
      clock.schedule(POLL_MS, resolve);
    });
  }
}
