// What one process knows of a system: who is there and whose each shard is, read from the records' leader. It follows
// changes by revision, so that a look at a thousand shards of which none changed costs one request.
import {
  type CodecAgreement,
  FIRST_AGREEMENT,
  type Member,
  Membership,
  type NodeStanding,
  type RecordedShard,
  type ShardRecord,
  withDrained,
} from '#supervision';
import type { Clock, SharedRecords } from '../ports.ts';
import { CODEC_KEY, parseCodecRecord } from './codec-record.ts';
import { COORDINATOR_KEY, type CoordinatorRecord, parseCoordinatorRecord } from './coordinator-record.ts';
import { parseDrainRecord } from './drain-record.ts';
import { type NodeRecord, ownsShards, parseNodeRecord } from './node-record.ts';
import { parsePinRecord } from './pin-record.ts';
import { parseShardRecord } from './shard-record.ts';

/** A shard's record, if there is one, and its revision; 0: there never was any. */
export interface StoredShard {
  readonly record: ShardRecord | undefined;
  readonly revision: number;
}

const ABSENT: StoredShard = { record: undefined, revision: 0 };

/** The view of one process. */
export class ClusterView {
  readonly #nodes: SharedRecords;
  readonly #shardRecords: SharedRecords;
  readonly #clock: Clock;
  readonly #membership = new Membership();
  readonly #seen = new Map<string, { readonly record: NodeRecord; readonly revision: number }>();
  readonly #shards = new Map<string, StoredShard>();
  readonly #drained = new Set<string>();
  /** Nodes to which a person has moved shards, by the shards' keys. */
  readonly #pins = new Map<string, string>();
  #coordinator: { readonly record: CoordinatorRecord | undefined; readonly revision: number } = {
    record: undefined,
    revision: 0,
  };
  #codec: { readonly record: CodecAgreement; readonly revision: number } = {
    record: FIRST_AGREEMENT,
    revision: 0,
  };
  #nodesRevision = 0;
  #shardsRevision = 0;
  /** The read of the shards that is under way, and the one that is to follow. */
  #reading: Promise<void> = Promise.resolve();
  #following: Promise<void> | undefined;
  readonly #listeners = new Set<(key: string) => void>();

  constructor(options: {
    readonly nodes: SharedRecords;
    readonly shards: SharedRecords;
    readonly clock: Clock;
  }) {
    this.#nodes = options.nodes;
    this.#shardRecords = options.shards;
    this.#clock = options.clock;
  }

  /** Reads what has changed. */
  async refresh(): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    // Shards first: whoever changed a shard had written its own record before, so that it is seen, too.
    await this.refreshShards();
    for (const { key, value, revision } of await this.#nodes.changes(this.#nodesRevision)) {
      this.#nodesRevision = revision;
      if (key === COORDINATOR_KEY) {
        this.#coordinator = { record: value && parseCoordinatorRecord(value), revision };
        continue;
      }
      if (value === undefined) continue;
      if (key === CODEC_KEY) {
        const agreed = parseCodecRecord(value);
        if (agreed !== undefined) this.#codec = { record: agreed, revision };
        continue;
      }
      const record = parseNodeRecord(key, value);
      if (record !== undefined) this.#seen.set(record.name, { record, revision });
      else this.#heed(key, value);
    }
    const sightings = [...this.#seen.values()].map(({ record, revision }) => {
      const { name, state, weight, leaseMs } = record;
      return { id: name, revision, state, weight, leaseMs, ownsShards: ownsShards(record) };
    });
    this.#membership.observe(sightings, nowMs);
  }

  /**
   * Reads what has changed of the shards, by a read that begins after this call: who come while one is under way share
   * the next.
   */
  refreshShards(): Promise<void> {
    this.#following ??= this.#reading
      .catch(() => {})
      .then(() => {
        this.#following = undefined;
        this.#reading = this.#readShards();
        return this.#reading;
      });
    return this.#following;
  }

  /** Calls `listener` for each change of a shard that this process learns of; the returned function ends it. */
  onShard(listener: (key: string) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** What this process wrote itself counts at once, so that no older look makes it undo that. */
  learn(key: string, shard: StoredShard): void {
    if (shard.revision <= this.shard(key).revision) return;
    // A deleted record is absent, whatever revision its marker has.
    this.#shards.set(key, shard);
    this.#tell(key);
  }

  /** Reads one record anew: what was seen of it turned out to be old. */
  async reread(key: string): Promise<void> {
    const before = this.shard(key);
    const found = await this.#shardRecords.get(key);
    if (this.shard(key) !== before) return;
    if (found === undefined) this.#shards.delete(key);
    else this.#shards.set(key, { record: parseShardRecord(found.value), revision: found.revision });
    this.#tell(key);
  }

  /** Nodes that own shards and are not gone, as allocation sees them. */
  members(): readonly Member[] {
    return withDrained(this.#membership.members(), this.#drained);
  }

  /** Every node that was ever seen. */
  standings(): readonly NodeStanding[] {
    return this.#membership.standings();
  }

  /** What the nodes that are not gone say of themselves, by name. */
  present(): readonly NodeRecord[] {
    return this.standings().flatMap(({ id, reach }) => {
      const record = this.#seen.get(id)?.record;
      return reach === 'gone' || record === undefined ? [] : [record];
    });
  }

  /** What a node says of itself, and under which revision. */
  node(name: string): { readonly record: NodeRecord; readonly revision: number } | undefined {
    return this.#seen.get(name);
  }

  /** The message version that is agreed on; revision 0: nothing was recorded yet. */
  get codec(): { readonly record: CodecAgreement; readonly revision: number } {
    return this.#codec;
  }

  /** Who plans. */
  get coordinator(): { readonly record: CoordinatorRecord | undefined; readonly revision: number } {
    return this.#coordinator;
  }

  shard(key: string): StoredShard {
    return this.#shards.get(key) ?? ABSENT;
  }

  /** These shards as plans read them. */
  recorded(keys: readonly string[]): readonly RecordedShard[] {
    return keys.map((id) => {
      const pin = this.#pins.get(id);
      return { id, record: this.shard(id).record, ...(pin !== undefined && { pin }) };
    });
  }

  async #readShards(): Promise<void> {
    for (const { key, value, revision } of await this.#shardRecords.changes(this.#shardsRevision)) {
      this.#shardsRevision = revision;
      this.learn(key, { record: value && parseShardRecord(value), revision });
    }
  }

  #tell(key: string): void {
    for (const listener of [...this.#listeners]) listener(key);
  }

  /** Takes in what a person has ordered. */
  #heed(key: string, value: Uint8Array): void {
    const drain = parseDrainRecord(key, value);
    if (drain?.drained === true) this.#drained.add(drain.node);
    else if (drain !== undefined) this.#drained.delete(drain.node);
    const pin = parsePinRecord(key, value);
    if (pin === undefined) return;
    if (pin.node === null) this.#pins.delete(pin.shard);
    else this.#pins.set(pin.shard, pin.node);
  }
}
