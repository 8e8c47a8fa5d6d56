// How a dataset is laid out in JetStream: its queues by stage, and the limits that a laptop can reserve.
import { STAGES } from '#actors';
import type { DatasetOptions } from '#nats';

const MIB = 1024 * 1024;

/** Options for `ensureDataset`. Byte limits are reserved on the server, so they stay modest. */
export function datasetTopology(system: string): DatasetOptions {
  return {
    system,
    stages: STAGES.map((name) => ({ name, consumer: name === 'keep' ? 'owned' : 'shared' })),
    intakeMaxBytes: 2048 * MIB,
    workMaxBytes: 128 * MIB,
    journalMaxBytes: 1024 * MIB,
    deadMaxBytes: 512 * MIB,
    outcomeMaxBytes: 256 * MIB,
  };
}
