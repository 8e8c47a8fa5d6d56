// Waits until nothing of what was erased is stored any more, and tells how far that is.
import { pause } from '#runtime';
import type { Terminal } from '../terminal.ts';
import type { ClientSystem } from './client-system.ts';
import { isKeeperAway } from './keeper-client.ts';

const POLL_MS = 200;

/** @throws the signal's reason: the node goes on with it all the same */
export async function waitUntilErased(
  system: ClientSystem,
  dataset: string,
  options: { readonly terminal: Terminal; readonly signal: AbortSignal },
): Promise<void> {
  const progress = options.terminal.progress();
  for (;;) {
    // The node may be restarted meanwhile: what is recorded goes on with the next one.
    const answer = await system
      .keeper(dataset)
      .erasing()
      .catch((error: unknown) => {
        if (isKeeperAway(error)) return undefined;
        throw error;
      });
    if (answer?.pending === 0) {
      progress.done('everything of it is deleted');
      return;
    }
    const waiting = answer?.waitingFor ?? null;
    const why =
      answer === undefined ? ', no node answers' : waiting === null ? '' : `, waiting for ${waiting}`;
    progress.update(`recorded; ${answer?.pending ?? 'its'} remains are being deleted${why}`);
    options.signal.throwIfAborted();
    await pause(system.link.clock, POLL_MS, options.signal);
  }
}
