// What has to be there before a node joins: the streams of the system, and what is recorded of its datasets. The first
// node of a system writes what its configuration says; whoever comes later takes what is recorded, and is told when its
// own configuration says otherwise.
import { ensureSystem, type NatsLink, NatsRecords, type SystemNames, systemExists } from '#nats';
import { ClusterView, refuseMisfits } from '#runtime';
import { CommandError } from '../command-error.ts';
import type { LoadedConfig } from '../config/index.ts';
import { datasetDifferences } from './dataset-differences.ts';
import { DatasetRegistry } from './dataset-registry.ts';
import { systemTopology } from './dataset-topology.ts';
import { leaseTime } from './lease-time.ts';
import { messageCodec } from './message-codec.ts';

export interface PrepareOptions {
  readonly config: LoadedConfig;
  readonly link: NatsLink;
  readonly names: SystemNames;
  /** `join`: the system is there already; `create`: it is made where it is not. */
  readonly mode: SystemMode;
  /** Nodes of these names are about to be started anew, so that what they run counts for nothing. */
  readonly own: readonly string[];
}

/** Whether a node may make the system that it is for. */
export type SystemMode = 'create' | 'join';

/**
 * Prepares a system for a node.
 * @throws CommandError `unknown_system`, `datasets_differ`
 */
export async function prepareSystem(options: PrepareOptions): Promise<void> {
  const { config, link, names, mode } = options;
  const { system } = names;
  if (mode === 'join' && !(await systemExists(link, system))) {
    throw new CommandError('unknown_system', `expected a system called ${system} on this server, found none`);
  }
  await ensureSystem(link, systemTopology(config.config));
  const registry = DatasetRegistry.of(link, names);
  if (mode === 'join') await checkStated(registry, config);
  else await recordStated(registry, options);
}

/** A node that joins brings no dataset with it. */
async function checkStated(registry: DatasetRegistry, config: LoadedConfig): Promise<void> {
  if (!config.statesDatasets) return;
  const { recorded, stated, differences } = await compare(registry, config);
  const names = [...recorded.keys()].join(', ') || 'none';
  const unknown = [...stated.keys()]
    .filter((dataset) => !recorded.has(dataset))
    .map((dataset) => `datasets.${dataset}: expected one that is recorded (${names})`);
  const problems = [...differences, ...unknown];
  if (problems.length > 0) throw new CommandError('datasets_differ', problems.join('\n'));
}

/** Writes what the configuration says. Where it says nothing of datasets, what is recorded stays as it is. */
async function recordStated(registry: DatasetRegistry, options: PrepareOptions): Promise<void> {
  const { config } = options;
  const { recorded, differences } = await compare(registry, config);
  if (!config.statesDatasets && recorded.size > 0) return;
  if (differences.length > 0) {
    await refuseOthers(options, new CommandError('datasets_differ', differences.join('\n')));
  }
  for (const [dataset, settings] of Object.entries(config.config.datasets)) {
    await registry.put(dataset, 'file', settings);
  }
  // Nodes that run already follow what was added.
  const { link, names } = options;
  link.publishCore(names.subjects.askNodes, messageCodec.encode({}));
}

async function compare(registry: DatasetRegistry, { config: loaded }: LoadedConfig) {
  // What is being replayed to is what was asked for last.
  const recorded = new Map(
    [...(await registry.list())].map(([name, { config, replay }]) => [name, replay?.config ?? config]),
  );
  const stated = new Map(Object.entries(loaded.datasets));
  return { recorded, stated, differences: datasetDifferences(recorded, stated) };
}

/** @throws `error` as soon as a node of another name proves to live */
function refuseOthers({ link, names, config, own }: PrepareOptions, error: Error): Promise<void> {
  const { clock } = link;
  const { nodes, shards } = names.records;
  const view = new ClusterView({
    nodes: new NatsRecords(link, nodes),
    shards: new NatsRecords(link, shards),
    clock,
  });
  const misfit = ({ name }: { readonly name: string }) => (own.includes(name) ? undefined : error);
  return refuseMisfits({ view, clock, leaseMs: leaseTime(config.config.node.leaseMs, 1), misfit });
}
