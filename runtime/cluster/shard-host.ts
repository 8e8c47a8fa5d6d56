// Where shards run on a node: what the ownership loop starts and stops there. The loop knows records and leases, the
// host knows actors and journals.

/** Runs the shards of one node, by the keys of their records. */
export interface ShardHost {
  /** The epoch under which the shard's journal was owned last; 0 for none. */
  lastEpoch(shard: string): Promise<number>;
  /** Loads what can be loaded of a shard that another node still owns, so that `start` has less to do. */
  prepare(shard: string): Promise<void>;
  /**
   * Owns the shard's journal under `epoch`, replays it and answers from then on.
   * @throws JournalFenced when it is owned under a higher epoch; then nothing of it runs here
   */
  start(shard: string, epoch: number): Promise<void>;
  /** Shards that run now, or are being started again after a crash. */
  running(): ReadonlySet<string>;
  /** Resolves when the shard no longer answers. Of one that does not run: at once. */
  stop(shard: string): Promise<void>;
}
