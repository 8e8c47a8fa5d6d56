// Changes the configuration of a dataset in a running system, and tells what follows of it: force at the next cut, or a
// replay of its contents.
import { type DatasetConfig, withoutStaleOrigins } from '#actors';
import { NoResponders, RequestFailed } from '#nats';
import type { CliEnvironment, CommandContext } from '../command-environment.ts';
import { CommandError } from '../command-error.ts';
import { modelReference } from '../config/index.ts';
import { ExitCode } from '../exit-code.ts';
import type { ClientSystem } from './client-system.ts';
import type { DatasetRecord, PutResult } from './dataset-registry.ts';
import { messageCodec } from './message-codec.ts';
import { ModelRegistry } from './model-registry.ts';
import { waitUntilCompared } from './replay-wait.ts';

/** Restarting a dataset's tree waits for what is in hand. */
const RECONCILE_TIMEOUT_MS = 60_000;

export interface DatasetChange {
  readonly dataset: string;
  readonly config: DatasetConfig;
  readonly result: PutResult;
  /** Whether a node runs, which has followed. */
  readonly running: boolean;
}

/**
 * @param change Makes the wanted configuration of the one asked for last.
 * @throws CommandError `unknown_dataset`, `usage` for a dataset of a configuration file
 */
export async function changeDataset(
  system: ClientSystem,
  dataset: string,
  change: (config: DatasetConfig) => DatasetConfig,
): Promise<DatasetChange> {
  const record = await requireChangeable(system, dataset);
  const former = record.replay?.config ?? record.config;
  const config = withoutStaleOrigins(change(former));
  await requireModel(system, config);
  const result = await system.registry.put(dataset, 'command', config);
  const running = await followOrUndo(system, dataset, config, async () => {
    await system.registry.put(dataset, 'command', former);
  });
  return { dataset, config, result, running };
}

/**
 * Has the nodes follow what was recorded of a dataset; where one refuses it, `undo` takes it back, and nodes follow that.
 * @returns false when no node runs
 * @throws CommandError `config_invalid` with what the node said
 */
export async function followOrUndo(
  system: ClientSystem,
  dataset: string,
  { model }: DatasetConfig,
  undo: () => Promise<void>,
): Promise<boolean> {
  try {
    return await followDatasets(system);
  } catch (error) {
    const refusal = error instanceof RequestFailed ? refusalOf(error.description) : undefined;
    // Another dataset may be what a node cannot run; that is no reason to keep this one from being changed.
    const isThis = refusal?.startsWith(`datasets.${dataset}.`) || refusal?.startsWith(`models.${model}`);
    if (refusal === undefined || isThis !== true) throw error;
    await undo();
    await followDatasets(system);
    throw new CommandError('config_invalid', `a node refuses it, so that nothing was changed: ${refusal}`, {
      cause: error,
    });
  }
}

/** What a node has against a configuration, without the name of the error; undefined for any other failure. */
function refusalOf(description: string): string | undefined {
  return /^(?:CommandError|ConfigError): (.*)$/s.exec(description)?.[1];
}

/** Prints what a change leads to, and waits for it where that is asked for. */
export async function showChange(
  system: ClientSystem,
  { dataset, config, result, running }: DatasetChange,
  {
    context: { terminal },
    environment,
    wait,
    beside,
  }: {
    readonly context: CommandContext;
    readonly environment: CliEnvironment;
    readonly wait: boolean;
    /** What else the JSON result says. */
    readonly beside?: object;
  },
): Promise<void> {
  const waits = wait && running;
  const signal = waits ? environment.interruption() : undefined;
  const standing = signal && (await waitUntilCompared(system, dataset, { terminal, signal }));
  if (standing !== undefined && standing.failed > 0) environment.setExitCode(ExitCode.no);
  const change = { dataset, config, running, replays: result === 'replays', replay: standing ?? null };
  terminal.show({ ...beside, ...change }, () => {
    if (result === 'unchanged') terminal.print(`dataset ${dataset} has these settings already`);
    else if (result === 'changed') terminal.print(`dataset ${dataset} changed: the next cut goes by it`);
    else if (standing === undefined) {
      terminal.print(`dataset ${dataset} will change: its contents are being compared anew`);
      terminal.print('what was decided before stands until then; see troupe status');
    } else terminal.print(`dataset ${dataset} changed: generation ${standing.generation} is in force`);
    if (standing !== undefined && standing.failed > 0) {
      terminal.print(
        `${standing.failed} contents could not be compared: neither a copy nor the original is left`,
      );
    }
    if (!running) terminal.print('no node runs now: it happens when one does');
  });
}

/** Whether the system has the model that the configuration names by a range. @throws CommandError `unknown_model` */
export async function requireModel(system: ClientSystem, { model }: DatasetConfig): Promise<void> {
  const reference = modelReference(model);
  if (reference !== undefined) await new ModelRegistry(system).resolve(reference);
}

/** @throws CommandError `unknown_dataset`, `usage` for a dataset of a configuration file */
export async function requireChangeable(system: ClientSystem, dataset: string): Promise<DatasetRecord> {
  const record = await requireRecord(system, dataset);
  if (record.origin === 'command') return record;
  throw new CommandError(
    'usage',
    `${dataset} is defined in the troupe.yaml of a node: change it there and restart the node`,
  );
}

/** @throws CommandError `unknown_dataset` */
export async function requireRecord(system: ClientSystem, dataset: string): Promise<DatasetRecord> {
  const record = await system.registry.get(dataset);
  if (record !== undefined) return record;
  throw new CommandError(
    'unknown_dataset',
    `unknown dataset ${dataset} in the system ${system.names.system}`,
  );
}

/** Has the nodes follow the registry; false when none runs. */
export async function followDatasets(system: ClientSystem): Promise<boolean> {
  try {
    await system.link.request(system.names.subjects.askNodes, messageCodec.encode({}), RECONCILE_TIMEOUT_MS);
    return true;
  } catch (error) {
    if (error instanceof NoResponders) return false;
    throw error;
  }
}
