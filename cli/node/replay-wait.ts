// Waits until the contents of a dataset are compared anew and what was asked for is in force, and tells how far that is.
import { pause } from '#runtime';
import { codeOf } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';
import type { ClientSystem } from './client-system.ts';

const POLL_MS = 200;

/** How a replay stands: `generation` is in force, `pending` contents of `next` are still to be compared. */
export interface ReplayStanding {
  readonly generation: number;
  readonly next: number | null;
  readonly pending: number;
  /** Contents that could not be compared, since neither a copy nor the original is left. */
  readonly failed: number;
}

/**
 * Resolves when no replay is under way.
 * @throws the signal's reason: what was asked for goes on all the same
 */
export async function waitUntilCompared(
  system: ClientSystem,
  dataset: string,
  options: { readonly terminal: Terminal; readonly signal: AbortSignal },
): Promise<ReplayStanding> {
  const { clock } = system.link;
  const progress = options.terminal.progress();
  for (;;) {
    const record = await system.registry.get(dataset);
    // The tree of a dataset is started anew when a replay begins and ends: for a moment nobody answers.
    const settled = await system
      .keeper(dataset)
      .settled(0)
      .catch((error: unknown) => {
        if (codeOf(error) === 'no_answer') return undefined;
        throw error;
      });
    if (settled !== undefined) {
      const { generation, next, pending, failed } = settled.comparing;
      const isOver =
        record?.replay === undefined && generation === record?.generation.number && pending === 0;
      const line = isOver ? `generation ${generation} is in force` : `${pending} contents left to compare`;
      if (isOver) {
        progress.done(line);
        return { generation, next, pending, failed };
      }
      progress.update(line);
    }
    options.signal.throwIfAborted();
    await pause(clock, POLL_MS, options.signal);
  }
}
