// Has the contents of the ledger compared anew, in a generation of the index beside the present one: it hands them out a
// window at a time, and once all are compared makes that generation the present one, at once and in the journal.
import type { DatasetPorts } from '../pipeline/dataset-ports.ts';
import { hopId } from '../pipeline/hop-headers.ts';
import type { ComparedMessage, ReplayMessage } from '../pipeline/messages.ts';
import type { Ledger } from './ledger.ts';
import type { LedgerEvent } from './ledger-events.ts';

/** Contents that are handed out and not compared yet, at most; a queue holds more. */
const WINDOW = 512;

export interface ReplayOptions {
  readonly ports: DatasetPorts;
  readonly ledger: () => Ledger;
  /** Digest of the deciding configuration of the generation that is to be made. */
  readonly nextConfig: string | undefined;
  readonly persist: (events: readonly LedgerEvent[]) => Promise<void>;
}

export class Replay {
  readonly #options: ReplayOptions;
  /** Contents that are handed out, and the sequences that led them then. */
  readonly #out = new Map<string, number>();

  constructor(options: ReplayOptions) {
    this.#options = options;
  }

  /** Whether a cut has to wait: the present generation is not the one of this node's configuration, or lacks contents. */
  get holdsCuts(): boolean {
    const { generations } = this.#options.ledger();
    const isPresent = generations.current === this.#options.ports.generation.number;
    return !isPresent || (generations.next === undefined && generations.pending.size > 0);
  }

  /** Begins what the configuration asks for, or goes on with what a former owner began. */
  async open(): Promise<void> {
    const { ports, ledger, nextConfig, persist } = this.#options;
    const { generations } = ledger();
    const wanted = ports.next?.generation.number;
    const at = this.#now();
    if (generations.next !== undefined && generations.next !== wanted) {
      await persist([{ type: 'replay_cancelled', generation: generations.next }]);
    }
    if (wanted !== undefined && nextConfig !== undefined && wanted > generations.current) {
      if (generations.next !== wanted) {
        await ports.forgetShards?.();
        await persist([{ type: 'replay_begun', generation: wanted, config: nextConfig, at }]);
      }
    } else if (wanted === generations.current) {
      // The journal says so; the record of the dataset does not yet.
      ports.switched?.(wanted);
    }
    await this.advance();
  }

  /** The event of what was compared; undefined for none. */
  compared(messages: readonly ComparedMessage[]): readonly LedgerEvent[] {
    const byGeneration = Map.groupBy(messages, ({ generation }) => generation);
    return [...byGeneration].map(([generation, of]) => ({
      type: 'compared',
      generation,
      contents: of.map(({ content, failure }) => ({ content, failure })),
      edges: of.flatMap(({ edges }) => edges),
    }));
  }

  /** Hands out what is still to be compared, and switches when nothing is. */
  async advance(): Promise<void> {
    const { ports, ledger, persist } = this.#options;
    const { generations } = ledger();
    const newest = generations.next ?? generations.current;
    for (const [content, sequence] of this.#out) {
      if (generations.pending.get(content) !== sequence) this.#out.delete(content);
    }
    const handedOut: Promise<unknown>[] = [];
    for (const [content, sequence] of generations.pending) {
      if (this.#out.size >= WINDOW) break;
      const entry = ledger().entry(sequence);
      if (this.#out.has(content) || entry?.type !== 'judged' || entry.facts === null) continue;
      this.#out.set(content, sequence);
      const message: ReplayMessage = { sequence, item: entry.item, generation: newest, facts: entry.facts };
      handedOut.push(
        ports.publisher.publish({
          subject: ports.subjects.work('replay'),
          data: ports.codec.encode(message),
          id: hopId(ports, `replay-${newest}`, sequence, 0),
        }),
      );
    }
    await Promise.all(handedOut);
    if (generations.next === undefined || generations.pending.size > 0) return;
    await persist([{ type: 'switched', generation: newest, at: this.#now() }]);
    ports.faults.reach('replay.switched');
    ports.switched?.(newest);
  }

  #now(): string {
    return new Date(this.#options.ports.clock.wallMs()).toISOString();
  }
}
