// Deletes what is left of erased items, beside the keeper's own work: it waits until no item on its way can bring a
// content back, has the index forget it, waits until no pair with it is on its way, and deletes the copies. Every step
// may be repeated; a new owner of the ledger begins anew with what the journal says is open.
import { type ActorContext, pause } from '#runtime';
import { shardNumbers } from '../config/index.ts';
import { IndexClient } from '../dedup/index-client.ts';
import type { IndexShardMessage } from '../dedup/index-shard.ts';
import { LocalIndex } from '../dedup/local-index.ts';
import { sha256Hex } from '../pipeline/canonical.ts';
import type { DatasetPorts, QueueStage, Stage } from '../pipeline/dataset-ports.ts';
import { assertErasureGuard, ErasureSuperseded, setErasureGuard } from '../pipeline/erasure-guard.ts';
import { PassingFailure } from '../pipeline/item-failure.ts';
import { blobKeys, payloadSchema } from '../pipeline/messages.ts';
import { shardPath } from '../pipeline/shard-path.ts';
import { vectorKey } from '../pipeline/vector-store.ts';
import type { DerivedNames, ToDelete } from './erasures.ts';
import type { KeeperMessage } from './keeper-messages.ts';
import type { Ledger } from './ledger.ts';
import { itemsByContent } from './ledger-contents.ts';

const POLL_MS = 100;
const RETRY_MS = 1_000;
const SHARD_TIMEOUT_MS = 60_000;
const DELETED_AT_ONCE = 32;

/** Queues through which an item passes, in that order: what leaves one is in the next. */
const WAY: readonly QueueStage[] = ['held', 'embed', 'dedup', 'replay', 'score', 'keep'];
/** Those in which pairs are found and on their way. */
const WAY_OF_PAIRS: readonly QueueStage[] = ['dedup', 'replay', 'score', 'keep'];

export interface ErasingOptions {
  readonly ports: DatasetPorts;
  readonly ledger: () => Ledger;
  /** Of the ledger. */
  readonly epoch: number;
  readonly context: Pick<ActorContext<KeeperMessage>, 'ref' | 'self' | 'signal' | 'log' | 'crash'>;
}

/** What is deleted together, with the numbers of the dead sequences' letters. */
type Batch = Omit<ToDelete, 'sequences'> & { readonly letters: readonly number[] };

export class Erasing {
  readonly #options: ErasingOptions;
  #isRunning = false;
  #waitingFor: string | null = null;

  constructor(options: ErasingOptions) {
    this.#options = options;
  }

  /** What is waited for; null where nothing is. */
  get waitingFor(): string | null {
    return this.#waitingFor;
  }

  /** Says that this keeper owns what is erased from now on. @throws ErasureSuperseded */
  async open(): Promise<void> {
    const { ports, epoch, ledger } = this.#options;
    const { contents } = ledger().erasures.open;
    await setErasureGuard(ports, epoch, { contents: [...contents], through: contents.length > 0 ? null : 0 });
    this.start();
  }

  /** Goes on with what is open, unless that is under way. Tells the keeper `deleted` at the end. */
  start(): void {
    if (this.#isRunning || this.#options.ledger().erasures.isSettled) return;
    this.#isRunning = true;
    void this.#run();
  }

  /** The keeper has journaled what was deleted, and nothing of it is in the journal any more. */
  async finished(): Promise<void> {
    const { ports, epoch } = this.#options;
    await setErasureGuard(ports, epoch, { contents: [], through: 0 });
    this.#isRunning = false;
    this.start();
  }

  /** Deletes the payloads of erased items, and uploads that nobody else needs. */
  deletePayloads(items: readonly string[]): Promise<void> {
    return this.#each(items, (item) => this.#deletePayload(item, { uploaded: true }));
  }

  async #run(): Promise<void> {
    const { context, ledger } = this.#options;
    const { signal } = context;
    while (!signal.aborted) {
      try {
        const deleted = ledger().erasures.open;
        const spared = await this.#delete(deleted);
        context.self.tell({ type: 'deleted', deleted, spared });
        return;
      } catch (error) {
        // A stop cuts it short; a later owner goes on with it.
        if (signal.aborted || error instanceof ErasureSuperseded) return;
        if (!(error instanceof PassingFailure)) {
          context.crash(error instanceof Error ? error : new Error(String(error)));
          return;
        }
        context.log.warn({ err: error }, 'an erasure is tried again');
        this.#waitingFor = error.message;
        await pause(this.#options.ports.clock, RETRY_MS, signal);
      }
    }
  }

  /** @returns contents that other items have, so that they stayed */
  async #delete(open: ToDelete): Promise<readonly string[]> {
    const { ports, ledger } = this.#options;
    await this.#each(open.items, (item) => this.#deletePayload(item, { uploaded: false }));
    const batch = await this.#withLetters(open);
    if (batch.contents.length > 0) await this.#awaitItems(batch.contents);
    ports.faults.reach('erase.awaited');
    const inUse = itemsByContent(ledger(), new Set(batch.contents));
    const contents = batch.contents.filter((content) => !inUse.has(content));
    if (contents.length > 0) {
      await this.#removeFromIndex(contents);
      await this.#awaitQueues(WAY_OF_PAIRS);
    }
    ports.faults.reach('erase.unindexed');
    await this.#assertOwner();
    await this.#each(contents, (content) => this.#deleteCopies(content));
    await ports.erasure.forgetVectors(contents);
    await this.deletePayloads(batch.items);
    for (const letter of batch.letters) await ports.erasure.deleteDeadLetter(letter);
    ports.faults.reach('erase.deleted');
    this.#waitingFor = null;
    return open.contents.filter((content) => inUse.has(content));
  }

  /** What the letters of dead sequences name: an item that died later than at the intake has left copies. */
  async #withLetters(open: ToDelete): Promise<Batch> {
    const { ports } = this.#options;
    if (open.sequences.length === 0) return { ...open, letters: [] };
    const letters = await ports.erasure.deadLetters(new Set(open.sequences));
    const named = letters.map(({ body }) => namedBy(ports, body));
    return {
      ...open,
      letters: letters.map(({ letter }) => letter),
      items: [...new Set([...open.items, ...named.flatMap(({ item }) => item ?? [])])],
      contents: [...new Set([...open.contents, ...named.map(({ content }) => content)])],
    };
  }

  /** Resolves when no item that was published before can bring a content back; later ones wait. */
  async #awaitItems(contents: readonly string[]): Promise<void> {
    const { ports, epoch } = this.#options;
    await setErasureGuard(ports, epoch, { contents: [...contents], through: null });
    const through = (await ports.erasure.queue('intake')).last;
    await setErasureGuard(ports, epoch, { contents: [...contents], through });
    await this.#awaitQueue('intake', through);
    await this.#awaitQueues(WAY);
  }

  async #awaitQueues(stages: readonly QueueStage[]): Promise<void> {
    for (const stage of stages)
      await this.#awaitQueue(stage, (await this.#options.ports.erasure.queue(stage)).last);
  }

  /** Resolves when a queue has nothing left of what it held up to `through`. */
  async #awaitQueue(stage: Stage, through: number): Promise<void> {
    const { ports, context } = this.#options;
    for (;;) {
      const { first } = await ports.erasure.queue(stage);
      if (first > through) return;
      this.#waitingFor = `what is on its way in ${stage}`;
      await pause(ports.clock, POLL_MS, context.signal);
      context.signal.throwIfAborted();
    }
  }

  /** Of both generations where there are two; what is left of former ones is deleted as a whole. */
  async #removeFromIndex(contents: readonly string[]): Promise<void> {
    const { ports, context } = this.#options;
    this.#waitingFor = 'the index';
    const generations = [ports, ports.next].filter((each) => each !== undefined);
    for (const generation of generations) {
      await this.#assertOwner();
      const isKeyed =
        generation.kind.indexes(generation.config.dedup, generation.model.dimension).keys !== undefined;
      const options = { signal: context.signal, timeoutMs: SHARD_TIMEOUT_MS };
      await this.#indexOf(generation).remove(contents, isKeyed, options);
    }
    await ports.forgetShards?.();
  }

  #indexOf(ports: DatasetPorts): IndexClient {
    const { context } = this.#options;
    const { directory, peers } = ports.index;
    const shard = (number: number) => context.ref<IndexShardMessage>(`${ports.dataset}/${shardPath(number)}`);
    return new IndexClient({
      shards: shardNumbers(ports.generation, ports.config),
      inverses: {},
      directory,
      local: new LocalIndex({ shard, holds: () => directory.holds() }),
      peers,
      clock: ports.clock,
    });
  }

  async #deleteCopies(content: string): Promise<void> {
    const { ports, ledger } = this.#options;
    const { vectors, proxies } = mergedNames(ledger().erasures.derived, derivedNames(ports));
    await Promise.all([
      ports.blobs.delete(blobKeys.content(content)),
      ports.blobs.delete(blobKeys.proxy(content)),
      ...proxies.map((specification) => ports.blobs.delete(blobKeys.modelProxy(specification, content))),
      ...vectors.map((prefix) => ports.vectors.delete(prefix + content)),
    ]);
  }

  /** Where the original was uploaded, the payload is what names it: it goes with it, at the end. */
  async #deletePayload(item: string, { uploaded }: { readonly uploaded: boolean }): Promise<void> {
    const { ports } = this.#options;
    const bytes = await ports.blobs.get(blobKeys.payload(item));
    if (bytes === undefined) return;
    const { location, content } = payloadSchema.parse(ports.codec.decode(bytes));
    if (location.startsWith('obj:')) {
      if (!uploaded) return;
      if (!(await this.#isNeeded(location, content))) await ports.erasure.deleteUpload(location);
    }
    await ports.blobs.delete(blobKeys.payload(item));
  }

  /** Whether an item that is not erased has its content from the same upload. */
  async #isNeeded(location: string, content: string | null): Promise<boolean> {
    const { ports, ledger } = this.#options;
    if (content === null) return false;
    for (const item of itemsByContent(ledger(), new Set([content])).get(content) ?? []) {
      const bytes = await ports.blobs.get(blobKeys.payload(item));
      if (bytes !== undefined && payloadSchema.parse(ports.codec.decode(bytes)).location === location)
        return true;
    }
    return false;
  }

  #assertOwner(): Promise<void> {
    const { ports, epoch, context } = this.#options;
    context.signal.throwIfAborted();
    return assertErasureGuard(ports, epoch);
  }

  async #each<T>(all: readonly T[], work: (each: T) => Promise<void>): Promise<void> {
    for (let at = 0; at < all.length; at += DELETED_AT_ONCE) {
      await Promise.all(all.slice(at, at + DELETED_AT_ONCE).map(work));
    }
  }
}

/** The names under which copies of contents are stored by these ports. */
export function derivedNames(ports: DatasetPorts): DerivedNames {
  const generations = [ports, ports.next].filter((each) => each !== undefined);
  return {
    vectors: [...new Set(generations.map((each) => vectorKey(each, '')))],
    proxies: [...new Set(generations.flatMap(({ model }) => model.proxy?.digest ?? []))],
  };
}

function mergedNames(one: DerivedNames, other: DerivedNames): DerivedNames {
  return {
    vectors: [...new Set([...one.vectors, ...other.vectors])],
    proxies: [...new Set([...one.proxies, ...other.proxies])],
  };
}

/** The item and content that a dead letter's body names, or the content that it is. */
function namedBy(
  ports: DatasetPorts,
  body: Uint8Array,
): { readonly item?: string; readonly content: string } {
  const message = decoded(ports, body);
  const { item, facts } = message as {
    readonly item?: string;
    readonly facts?: { readonly content?: string };
  };
  if (typeof item === 'string' && typeof facts?.content === 'string') return { item, content: facts.content };
  return { content: sha256Hex(body) };
}

/** Empty for what is no message of ours. */
function decoded({ codec }: DatasetPorts, body: Uint8Array): object {
  try {
    const message = codec.decode(body);
    return typeof message === 'object' && message !== null ? message : {};
  } catch {
    return {};
  }
}
