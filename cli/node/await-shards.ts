// Waits until shards are where they were ordered to be, and tells how far that is. It only watches the records: whoever
// stops waiting stops nothing else.
import { NatsRecords } from '#nats';
import { ClusterView, pause } from '#runtime';
import type { ShardRecord } from '#supervision';
import type { CommandContext } from '../command-environment.ts';
import type { ClientSystem } from './client-system.ts';

const POLL_MS = 200;

/** How a wait ended. */
export type WaitEnd = 'done' | 'timeout' | 'interrupted';

/** What is waited for. */
export interface AwaitedShards {
  /** Keys of the shards' records. */
  readonly shards: readonly string[];
  readonly isDone: (record: ShardRecord | undefined) => boolean;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Throws when it can come to nothing any more. */
  readonly check: (view: ClusterView) => void;
}

/** How it ended, and the shards that are not there yet. */
export interface WaitReport {
  readonly end: WaitEnd;
  readonly pending: readonly string[];
}

/** @throws what `check` throws */
export async function awaitShards(
  { link, names }: Pick<ClientSystem, 'link' | 'names'>,
  { terminal }: Pick<CommandContext, 'terminal'>,
  awaited: AwaitedShards,
): Promise<WaitReport> {
  const { shards, isDone, timeoutMs, signal, check } = awaited;
  const { clock } = link;
  const view = new ClusterView({
    nodes: new NatsRecords(link, names.records.nodes),
    shards: new NatsRecords(link, names.records.shards),
    clock,
  });
  const untilMs = clock.monotonicMs() + timeoutMs;
  const progress = terminal.progress();
  for (;;) {
    await view.refresh();
    const pending = shards.filter((shard) => !isDone(view.shard(shard).record));
    const line = `${pending.length} left to move${phaseOf(view, pending)}`;
    const end = endOf(pending.length, signal, clock.monotonicMs() >= untilMs);
    if (end !== undefined) {
      progress.done(line);
      return { end, pending };
    }
    check(view);
    progress.update(line);
    await pause(clock, POLL_MS, signal);
  }
}

function endOf(pending: number, { aborted }: AbortSignal, isLate: boolean): WaitEnd | undefined {
  if (pending === 0) return 'done';
  if (aborted) return 'interrupted';
  return isLate ? 'timeout' : undefined;
}

/** What the first shard on its way is doing. */
function phaseOf(view: ClusterView, pending: readonly string[]): string {
  for (const shard of pending) {
    const { record } = view.shard(shard);
    if (record === undefined || record.phase === 'active') continue;
    return `; ${shard} is ${record.phase} to ${record.target}`;
  }
  return '';
}
