// What people order about shards: a node is drained, a shard is moved. Each order is a durable record that every node's
// plan reads; whoever plans carries it out. Writing one changes nothing by itself and asks no node.
import { NatsRecords } from '#nats';
import { drainKey, encodeRecord, parseDrainRecord, parsePinRecord, pinKey } from '#runtime';
import type { ClientSystem } from './client-system.ts';

export class ShardOrders {
  readonly #records: NatsRecords;

  constructor({ link, names }: Pick<ClientSystem, 'link' | 'names'>) {
    this.#records = new NatsRecords(link, names.records.nodes);
  }

  /** Whether a node is drained, also one that has no record of its own (any more). */
  async isDrained(node: string): Promise<boolean> {
    const found = await this.#records.get(drainKey(node));
    return found !== undefined && parseDrainRecord(drainKey(node), found.value)?.drained === true;
  }

  /** Orders a node to give its shards away and take none, or takes that back. */
  async drain(node: string, drained: boolean): Promise<void> {
    await this.#order(drainKey(node), { node, drained });
  }

  /** Moves a shard to a node, where it stays; `null`: balance decides again. */
  async move(shard: string, node: string | null): Promise<void> {
    const key = pinKey(shard);
    const found = await this.#records.get(key);
    const present = found && parsePinRecord(key, found.value);
    if ((present?.node ?? null) !== node) await this.#order(key, { shard, node });
  }

  /** Takes every move of a dataset's shards back. */
  async forgetMoves(dataset: string): Promise<void> {
    for (const { key, value } of await this.#records.entries(pinKey(`${dataset}.`))) {
      const pin = parsePinRecord(key, value);
      if (pin !== undefined) await this.move(pin.shard, null);
    }
  }

  /** The last order counts, so that whoever writes at the same time is written over. */
  async #order(key: string, order: object): Promise<void> {
    for (;;) {
      const revision = (await this.#records.get(key))?.revision ?? 0;
      if ((await this.#records.compareAndSet(key, encodeRecord(order), revision)) !== undefined) return;
    }
  }
}
