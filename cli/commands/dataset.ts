// `troupe dataset`: the datasets of a running system, made and changed without restarting it.
import type { Command } from 'commander';
import { type DatasetConfig, datasetConfigSchema } from '#actors';
import { DATASET_NAME, deleteDataset, ensureDataset, ensureSystem } from '#nats';
import { type CliEnvironment, contextOf } from '../command-environment.ts';
import { CommandError } from '../command-error.ts';
import { configSchemaJson } from '../config/index.ts';
import { childSchema, problemsOfIssue } from '../config/problem-message.ts';
import { examples } from '../help.ts';
import {
  changeDataset,
  followDatasets,
  followOrUndo,
  requireModel,
  requireRecord,
  showChange,
} from '../node/change-dataset.ts';
import { ClientSystem } from '../node/client-system.ts';
import { datasetTopology, systemTopology } from '../node/dataset-topology.ts';

export function registerDataset(program: Command, environment: CliEnvironment): void {
  const dataset = program.command('dataset').description('create, list, show, change and delete datasets');
  registerCreate(dataset, environment);
  registerList(dataset, environment);
  registerShow(dataset, environment);
  registerSet(dataset, environment);
  registerDelete(dataset, environment);
}

function registerCreate(dataset: Command, environment: CliEnvironment): void {
  dataset
    .command('create')
    .description('create a dataset in the running system')
    .argument('<dataset>', 'name: a-z, 0-9 and -, at most 32 characters')
    .argument('[setting...]', 'settings as path=value, as under datasets: in troupe.yaml')
    .addHelpText(
      'after',
      examples([
        ['troupe dataset create cats', 'with the defaults'],
        ['troupe dataset create cats shards=8 rules.keepAt=0.4', 'with settings'],
      ]),
    )
    .action(async (name: string, settings: readonly string[], _options: unknown, command: Command) => {
      const context = contextOf(command, environment);
      if (!DATASET_NAME.test(name)) {
        throw new CommandError(
          'usage',
          `expected a name of a-z, 0-9 and -, at most 32 characters, got ${JSON.stringify(name)}`,
        );
      }
      const config = configWith({}, settings);
      await using system = await ClientSystem.connect(context);
      const asked = context.config().config;
      await ensureSystem(system.link, systemTopology(asked));
      if ((await system.registry.get(name)) !== undefined) {
        throw new CommandError('usage', `the dataset ${name} exists already; \`dataset set\` changes it`);
      }
      await requireModel(system, config);
      await ensureDataset(system.link, name, datasetTopology(asked));
      await system.registry.put(name, 'command', config);
      const running = await followOrUndo(system, name, config, async () => {
        await system.registry.delete(name);
        if (asked.storage.provision) await deleteDataset(system.link, name, system.names.system);
      });
      context.terminal.show({ dataset: name, config, running }, () => {
        context.terminal.print(`dataset ${name} created; publish to ${system.names.subjects.intake(name)}`);
        if (!running) context.terminal.print('no node runs now: items wait until one does');
      });
    });
}

function registerList(dataset: Command, environment: CliEnvironment): void {
  dataset
    .command('list')
    .description('list the datasets')
    .addHelpText('after', examples([['troupe dataset list', 'name, kind, shards, where it comes from']]))
    .action(async (_options: unknown, command: Command) => {
      const context = contextOf(command, environment);
      await using system = await ClientSystem.connect(context);
      const datasets = [...(await system.registry.list())];
      context.terminal.show(
        datasets.map(([name, { origin, config }]) => ({ name, origin, config })),
        () =>
          context.terminal.table(
            [{ title: 'Dataset' }, { title: 'Kind' }, { title: 'Shards', align: 'right' }, { title: 'From' }],
            datasets.map(([name, { origin, config }]) => [
              name,
              config.kind,
              config.shards,
              origin === 'file' ? 'troupe.yaml' : 'dataset create',
            ]),
          ),
      );
    });
}

function registerShow(dataset: Command, environment: CliEnvironment): void {
  dataset
    .command('show')
    .description("show a dataset's configuration in force")
    .argument('<dataset>', 'name of the dataset')
    .addHelpText('after', examples([['troupe dataset show photos', 'every setting with its value']]))
    .action(async (name: string, _options: unknown, command: Command) => {
      const context = contextOf(command, environment);
      await using system = await ClientSystem.connect(context);
      const { origin, config } = await requireRecord(system, name);
      context.terminal.show({ dataset: name, origin, config }, () => {
        for (const [path, value] of leaves(config)) context.terminal.print(`${path} = ${value}`);
      });
    });
}

function registerSet(dataset: Command, environment: CliEnvironment): void {
  dataset
    .command('set')
    .description(
      'change settings of a dataset made by `dataset create`; the next cut goes by them, or the contents are compared anew',
    )
    .argument('<dataset>', 'name of the dataset')
    .argument('<setting...>', 'settings as path=value')
    .option('--wait', 'until they are in force, where contents are compared anew')
    .addHelpText(
      'after',
      examples([
        ['troupe dataset set cats rules.keepAt=0.5', 'be stricter'],
        ['troupe dataset set cats model=clip --wait', 'another model: every content gets a new vector'],
      ]),
    )
    .action(
      async (
        name: string,
        settings: readonly string[],
        options: { readonly wait?: boolean },
        command: Command,
      ) => {
        const context = contextOf(command, environment);
        await using system = await ClientSystem.connect(context);
        const change = await changeDataset(system, name, (config) => configWith(config, settings));
        await showChange(system, change, { context, environment, wait: options.wait === true });
      },
    );
}

function registerDelete(dataset: Command, environment: CliEnvironment): void {
  dataset
    .command('delete')
    .description('delete a dataset with its ledger, manifests and stored contents')
    .argument('<dataset>', 'name of the dataset')
    .requiredOption('--yes', 'really: this cannot be undone')
    .addHelpText(
      'after',
      examples([['troupe dataset delete cats --yes', 'originals elsewhere are not touched']]),
    )
    .action(async (name: string, _options: unknown, command: Command) => {
      const context = contextOf(command, environment);
      await using system = await ClientSystem.connect(context);
      const record = await requireRecord(system, name);
      if (record.origin === 'file') {
        throw new CommandError(
          'usage',
          `${name} is defined in the troupe.yaml of a node: remove it there first`,
        );
      }
      await system.registry.delete(name);
      await followDatasets(system);
      const { provision } = context.config().config.storage;
      if (provision) await deleteDataset(system.link, name, system.names.system);
      await system.manifests(name).forget();
      await system.forgetRecords(name);
      context.terminal.show({ dataset: name, deleted: true, streamsDeleted: provision }, () => {
        context.terminal.print(`dataset ${name} deleted`);
        if (!provision) context.terminal.print('its streams are managed by others, and are still there');
      });
    });
}

/** Settings over a configuration; every problem at once. */
function configWith(base: object, settings: readonly string[]): DatasetConfig {
  const changed = structuredClone(base) as Record<string, unknown>;
  for (const setting of settings) {
    const at = setting.indexOf('=');
    if (at <= 0) throw new CommandError('usage', `expected path=value, got ${JSON.stringify(setting)}`);
    assign(changed, setting.slice(0, at).split('.'), parseValue(setting.slice(at + 1)));
  }
  const parsed = datasetConfigSchema.safeParse(changed);
  if (parsed.success) return parsed.data;
  const fields = childSchema(configSchemaJson().properties?.datasets ?? {}, 'any') ?? {};
  const problems = parsed.error.issues.flatMap((issue) => problemsOfIssue(issue, changed, fields));
  throw new CommandError(
    'config_invalid',
    problems.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n'),
  );
}

function assign(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [head = '', ...rest] = path;
  if (rest.length === 0) {
    target[head] = value;
    return;
  }
  const inner = Object.hasOwn(target, head) && typeof target[head] === 'object' ? target[head] : {};
  target[head] = { ...(inner as object) };
  assign(target[head] as Record<string, unknown>, rest, value);
}

function parseValue(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function* leaves(value: object, path = ''): Generator<readonly [string, string]> {
  for (const [name, member] of Object.entries(value)) {
    const at = path === '' ? name : `${path}.${name}`;
    if (member !== null && typeof member === 'object' && !Array.isArray(member))
      yield* leaves(member as object, at);
    else yield [at, JSON.stringify(member)];
  }
}
