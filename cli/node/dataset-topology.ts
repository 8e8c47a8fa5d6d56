// How a dataset is laid out in JetStream: its queues by stage, and the limits that a laptop can reserve.
import { STAGES } from '#actors';
import type { DatasetOptions, StagePlan } from '#nats';

const MIB = 1024 * 1024;

/**
 * How long a message stays with a consumer that went silent. At most the lease time of a node (10 s), so that what a
 * killed node held comes back no later than its shards; handlers that take longer say so (`working`).
 */
export const ACK_WAIT_MS = 10_000;

/** Nodes for which the consumers' limits are enough, and messages that one of them holds of one stage at most. */
const NODES = 100;
const HELD_BY_A_NODE = 128;

/**
 * Messages of one stage in hand at once: twice what all nodes hold, because one that died keeps its credits for
 * `ACK_WAIT_MS`.
 */
export const MAX_ACK_PENDING = 2 * NODES * HELD_BY_A_NODE;

/** References held back at once; beyond it intake waits, as for every full queue. */
const MAX_HELD = 50_000;
/** What is given back for later still counts as in hand, so both limits are the same. */
export const HELD: StagePlan = {
  name: 'held',
  consumer: 'shared',
  maxMessages: MAX_HELD,
  maxBytes: 64 * MIB,
  maxAckPending: MAX_HELD,
};

/** Options for `ensureDataset`. Byte limits are reserved on the server, so they stay modest. */
export function datasetTopology(system: string): DatasetOptions {
  return {
    system,
    stages: STAGES.map((name) =>
      name === 'held' ? HELD : { name, consumer: name === 'keep' ? 'owned' : 'shared' },
    ),
    ackWaitMs: ACK_WAIT_MS,
    maxAckPending: MAX_ACK_PENDING,
    intakeMaxBytes: 2048 * MIB,
    workMaxBytes: 128 * MIB,
    journalMaxBytes: 1024 * MIB,
    deadMaxBytes: 512 * MIB,
    outcomeMaxBytes: 256 * MIB,
  };
}
