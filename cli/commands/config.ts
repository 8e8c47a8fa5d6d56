// `troupe config`: checks the configuration, prints its JSON schema, a complete commented example, and the streams that
// follow of it.
import { type Command, Option } from 'commander';
import { plannedStreams } from '#nats';
import { type CliEnvironment, contextOf } from '../command-environment.ts';
import { configSchemaJson, EXAMPLE_KINDS, type ExampleKind, exampleConfig } from '../config/index.ts';
import { examples } from '../help.ts';
import { checkModels } from '../node/check-models.ts';
import { datasetTopology, systemTopology } from '../node/dataset-topology.ts';

/** Registers `config check`, `config schema`, `config example` and `config streams`. */
export function registerConfig(program: Command, environment: CliEnvironment): void {
  const config = program.command('config').description('check and explain the configuration');

  config
    .command('check')
    .description('list everything that is wrong with the configuration; exit code 2 if anything is')
    .addHelpText(
      'after',
      examples([
        ['troupe config check', 'check troupe.yaml here and the TROUPE_* variables'],
        ['troupe --config other.yaml config check --json', 'print the whole configuration in force as JSON'],
      ]),
    )
    .action(async (_options: unknown, command: Command) => {
      const { terminal, ...context } = contextOf(command, environment);
      const loaded = context.config();
      const models = await checkModels(loaded, environment.cwd);
      terminal.show({ ...loaded, models }, () => {
        const datasets = Object.keys(loaded.config.datasets).join(', ');
        const what =
          loaded.file === undefined ? 'no troupe.yaml here: every default counts' : `${loaded.file} is valid`;
        terminal.print(`${what} (datasets: ${datasets})`);
        for (const { name, input, output, dimension, batches } of models) {
          terminal.print(
            `model ${name}: ${input} to ${output}, ${dimension} numbers, pictures in a run: ${batches.join(', ')}`,
          );
        }
        for (const variable of loaded.overriddenBy) terminal.print(`overridden by ${variable}`);
      });
    });

  config
    .command('schema')
    .description('print the JSON schema of troupe.yaml, for editors')
    .addHelpText(
      'after',
      examples([['troupe config schema > troupe.schema.json', 'save it for your editor']]),
    )
    .action((_options: unknown, command: Command) => {
      contextOf(command, environment).terminal.printJson(configSchemaJson());
    });

  config
    .command('example')
    .description('print a complete commented troupe.yaml')
    .addOption(kindOption())
    .addHelpText('after', examples([['troupe config example > troupe.yaml', 'start from every default']]))
    .action((options: { readonly kind: ExampleKind }, command: Command) => {
      const { terminal } = contextOf(command, environment);
      const text = exampleConfig(options.kind);
      terminal.show({ kind: options.kind, yaml: text }, () => terminal.print(text.trimEnd()));
    });

  config
    .command('streams')
    .description(
      'print the streams of a system as JSON, for sites where others make them (storage.provision: false)',
    )
    .argument('[dataset...]', 'names of datasets (default: those of the configuration)')
    .addHelpText(
      'after',
      examples([
        ['troupe config streams photos', 'an array of stream configurations, as JetStream takes them'],
        [
          'troupe config streams | jq -c \'.[]\' | while read -r s; do echo "$s" | nats stream add --config /dev/stdin; done',
          'make them with the nats CLI',
        ],
      ]),
    )
    .action((datasets: readonly string[], _options: unknown, command: Command) => {
      const context = contextOf(command, environment);
      const { config: asked } = context.config();
      const names = datasets.length === 0 ? Object.keys(asked.datasets) : datasets;
      context.terminal.printJson(plannedStreams(systemTopology(asked), names, datasetTopology(asked)));
    });
}

/** `--kind`, the kind of data of an example. */
export function kindOption(): Option {
  return new Option('--kind <kind>', 'kind of data').choices(EXAMPLE_KINDS).default('image');
}
