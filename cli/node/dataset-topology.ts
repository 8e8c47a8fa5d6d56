// How a dataset is laid out in JetStream: its queues by stage, and what the configuration asks for.
import { STAGES } from '#actors';
import type { DatasetOptions, StagePlan, SystemOptions } from '#nats';
import type { Config } from '../config/index.ts';

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

/** Options for `ensureSystem`. */
export function systemTopology({ system, storage }: Pick<Config, 'system' | 'storage'>): SystemOptions {
  const { replicas, limits, provision } = storage;
  return {
    system,
    provision,
    ...(replicas !== undefined && { replicas }),
    ...(limits.events !== undefined && { eventsMaxBytes: limits.events }),
    ...(limits.cache !== undefined && { cacheMaxBytes: limits.cache }),
  };
}

/** Options for `ensureDataset`. */
export function datasetTopology({ system, storage }: Pick<Config, 'system' | 'storage'>): DatasetOptions {
  const { replicas, limits, provision } = storage;
  return {
    system,
    provision,
    ...(replicas !== undefined && { replicas }),
    ...(limits.intake !== undefined && { intakeMaxBytes: limits.intake }),
    ...(limits.work !== undefined && { workMaxBytes: limits.work }),
    ...(limits.journal !== undefined && { journalMaxBytes: limits.journal }),
    ...(limits.dead !== undefined && { deadMaxBytes: limits.dead }),
    ...(limits.outcome !== undefined && { outcomeMaxBytes: limits.outcome }),
    stages: STAGES.map((name) =>
      name === 'held' ? HELD : { name, consumer: name === 'keep' ? 'owned' : 'shared' },
    ),
    ackWaitMs: ACK_WAIT_MS,
    maxAckPending: MAX_ACK_PENDING,
  };
}
