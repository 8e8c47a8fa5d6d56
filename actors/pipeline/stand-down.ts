// What an event-sourced actor does when another owner has fenced it: it tells the node to stop and answers
// nothing more. Restarting would take the journal back and start a quarrel.
import { JournalFenced } from '#runtime';
import type { DatasetPorts } from './dataset-ports.ts';

/** Runs `work`; on `JournalFenced` reports it and waits for this actor's own stop before rethrowing. */
export async function standDownWhenFenced<T>(
  ports: Pick<DatasetPorts, 'fenced'>,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof JournalFenced)) throw error;
    ports.fenced(error);
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    throw error;
  }
}
