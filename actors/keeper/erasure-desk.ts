// Erasures as the keeper handles them: it journals what is asked for, has the remains deleted beside its other work, and
// at the end journals that, tells subscribers, and has its own journal forget.
import { type EventSourced, pause, StorageFull } from '#runtime';
import { type EraseAnswer, type EraseRequest, type ErasingAnswer, planErasure } from './erase-request.ts';
import { derivedNames, Erasing, type ErasingOptions } from './erasing.ts';
import type { ToDelete } from './erasures.ts';
import type { Ledger } from './ledger.ts';
import { erasedEntries, itemsByContent } from './ledger-contents.ts';
import type { LedgerEvent } from './ledger-events.ts';
import type { ManifestRow } from './manifest.ts';
import { announceEntry } from './outcomes.ts';

/** Before a compaction that found no room is tried again. */
const ROOM_RETRY_MS = 1_000;

export interface ErasureDeskOptions extends Pick<ErasingOptions, 'ports' | 'context'> {
  readonly store: EventSourced<Ledger, LedgerEvent>;
  /** Persists once there is room. */
  readonly persist: (events: readonly LedgerEvent[]) => Promise<void>;
  /** Rows of the newest manifest, by item. */
  readonly rows: () => Promise<ReadonlyMap<string, ManifestRow>>;
}

export class ErasureDesk {
  readonly #options: ErasureDeskOptions;
  readonly #erasing: Erasing;

  constructor(options: ErasureDeskOptions) {
    const { ports, context, store } = options;
    this.#options = options;
    this.#erasing = new Erasing({ ports, context, ledger: () => store.state, epoch: store.epoch });
  }

  /** Goes on with what a former owner may have left half done. */
  open(): Promise<void> {
    return this.#erasing.open();
  }

  /** How the copies of contents are named, where the ledger does not know it yet: to be journaled with their items. */
  newNames(): readonly LedgerEvent[] {
    const names = derivedNames(this.#options.ports);
    const { vectors, proxies } = this.#options.store.state.erasures.derived;
    const isKnown =
      names.vectors.every((name) => vectors.includes(name)) &&
      names.proxies.every((name) => proxies.includes(name));
    return isKnown ? [] : [{ type: 'derives', names }];
  }

  /** Goes on where something is left to be deleted: an item that was erased once may have come again. */
  advance(): void {
    this.#erasing.start();
  }

  /** Journals what is to be erased; that it is deleted everywhere follows. @throws StorageFull */
  async erase(request: EraseRequest): Promise<EraseAnswer> {
    const { ports, store, rows } = this.#options;
    const at = new Date(ports.clock.wallMs()).toISOString();
    const { answer, events } = planErasure(store.state, request, await rows(), at);
    if (request.dryRun || events.length === 0) return answer;
    await store.persist(events);
    ports.faults.reach('erase.journaled');
    this.advance();
    return answer;
  }

  /** How far that is. */
  get standing(): ErasingAnswer {
    const { open, isSettled } = this.#options.store.state.erasures;
    const pending = open.items.length + open.contents.length + open.sequences.length;
    return { pending: isSettled ? 0 : Math.max(1, pending), waitingFor: this.#erasing.waitingFor };
  }

  /** Everything is deleted but contents that others had; of these some may have lost their last item meanwhile. */
  async close(handled: ToDelete, spared: readonly string[]): Promise<void> {
    const { ports, store, persist } = this.#options;
    const inUse = itemsByContent(store.state, new Set(spared));
    const again = new Set(spared.filter((content) => !inUse.has(content)));
    const deleted = { ...handled, contents: handled.contents.filter((content) => !again.has(content)) };
    // One that came again after its payload was deleted, and is in the ledger by now, has left another.
    await this.#erasing.deletePayloads(deleted.items);
    await Promise.all(erasedEntries(store.state, deleted).map((entry) => announceEntry(ports, entry)));
    await persist([{ type: 'erasure_done', deleted }]);
    ports.faults.reach('erase.done');
    await this.#compact();
    await persist([{ type: 'erasure_closed' }]);
    await this.#erasing.finished();
  }

  /** Compacts the journal once there is room. */
  async #compact(): Promise<void> {
    const { store, context, ports } = this.#options;
    for (;;) {
      try {
        return await store.compact();
      } catch (error) {
        if (!(error instanceof StorageFull) || context.signal.aborted) throw error;
        context.log.warn({ err: error }, 'an erasure waits for room');
        await pause(ports.clock, ROOM_RETRY_MS, context.signal);
      }
    }
  }
}
