// Follows what nodes tell of their shards, and times by one clock, the bench's own, how long each was answered by nobody.

import { decodeEvent } from '../../cli/events/event-record.ts';
import type { ClientSystem } from '../../cli/node/client-system.ts';

/** When a shard began or ceased to answer somewhere. */
interface Heard {
  readonly shard: string;
  readonly phase: string;
  readonly node: string;
  readonly atMs: number;
}

export class HandOffs implements Disposable {
  readonly #heard: Heard[] = [];
  readonly #end: () => void;

  constructor({ link, names }: ClientSystem) {
    this.#end = link.subscribe(names.subjects.allEvents, ({ data }) => {
      const event = decodeEvent(data);
      if (event?.type !== 'handoff') return;
      const { path: shard, node } = event;
      this.#heard.push({ shard, phase: String(event.phase), node, atMs: performance.now() });
    });
  }

  /** For each move since `sinceMs`: ms from the moment in which its former owner stopped answering. */
  pauses(sinceMs: number): readonly number[] {
    return this.#answering(sinceMs).flatMap(({ shard, atMs }) => {
      const stopped = this.#heard.findLast(
        (heard) => heard.shard === shard && heard.phase === 'stopped' && heard.atMs < atMs,
      );
      return stopped === undefined ? [] : [atMs - stopped.atMs];
    });
  }

  /** When the last move since `sinceMs` ended. */
  lastMs(sinceMs: number): number {
    return Math.max(sinceMs, ...this.#answering(sinceMs).map(({ atMs }) => atMs));
  }

  [Symbol.dispose](): void {
    this.#end();
  }

  #answering(sinceMs: number): readonly Heard[] {
    return this.#heard.filter(({ phase, atMs }) => phase === 'answering' && atMs >= sinceMs);
  }
}

/** The value below which a share of the values lie, 0 to 1. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
