// `troupe model add`: a model becomes part of the system, for every node.
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import semver from 'semver';
import { TROUPE_TINY } from '#actors';
import { DATASET_NAME, ensureSystem } from '#nats';
import { silentLogger } from '#runtime';
import { type CliEnvironment, contextOf } from '../command-environment.ts';
import { CommandError } from '../command-error.ts';
import { examples } from '../help.ts';
import { addModel } from '../models/add-model.ts';
import { findModel } from '../models/find-model.ts';
import { determinismText, lengthOfVectors } from '../models/model-record.ts';
import { fetchModel } from '../models/model-source.ts';
import { ClientSystem } from '../node/client-system.ts';
import { systemTopology } from '../node/dataset-topology.ts';
import { messageCodec } from '../node/message-codec.ts';
import { ModelRegistry } from '../node/model-registry.ts';
import { settleProvider } from '../node/settle-provider.ts';
import { parseWholeNumber } from '../option-values.ts';

interface AddFlags {
  readonly name?: { readonly name: string; readonly version?: string };
  readonly sha256?: string;
  readonly maxBatch: number;
}

export function registerModelAdd(model: Command, environment: CliEnvironment): void {
  model
    .command('add')
    .description(
      'copy a model into the running system, after measuring whether its vectors depend on batch and position',
    )
    .argument('<model>', 'a name under models:, an ONNX file, or a file://, http:// or https:// URL')
    .option(
      '--name <name[@version]>',
      'name in the system (default: that of the entry or the file), and version (default: 1.0.0, then the next one)',
      parseName,
    )
    .option('--sha256 <hex>', 'digest that the file must have', parseDigest)
    .option('--max-batch <n>', 'largest batch to compare with single pictures', parseWholeNumber(1), 16)
    .addHelpText(
      'after',
      examples([
        ['troupe model add squeezenet', 'the entry of troupe.yaml, with its settings'],
        ['troupe model add clip.onnx --name clip', 'a file; settings as `model inspect` proposes them'],
        ['troupe model add squeezenet --name squeezenet@2.0.0', 'with a version of your choice'],
        ['troupe model add https://example.org/clip.onnx --sha256 9f86d0…', 'fetched, and checked'],
        ['troupe dataset create art model=clip@^1', 'then use it, on any node'],
      ]),
    )
    .action(async (source: string, flags: AddFlags, command: Command) => {
      const { terminal, ...context } = contextOf(command, environment);
      const signal = environment.interruption();
      const loaded = context.config();
      await using system = await ClientSystem.connect({ terminal, ...context });
      await ensureSystem(system.link, systemTopology(loaded.config));
      const progress = terminal.progress();
      const onProgress = (text: string) => progress.update(text);
      await using fetched = await fetchModel(source, { signal, onProgress });
      const found = await findModel(fetched.path, loaded, environment.cwd);
      const { name, version } = flags.name ?? { name: found.name };
      // The settings of an entry count also for its file, wherever that was given.
      const config = loaded.config.models[name] ?? found.config;
      if (config === undefined || name === TROUPE_TINY.name) {
        throw new CommandError('usage', `${TROUPE_TINY.name} ships with the package: every node has it`);
      }
      const { record, present } = await addModel(new ModelRegistry(system), {
        name,
        file: resolve(environment.cwd, found.file),
        config,
        version,
        sha256: flags.sha256,
        maxBatch: flags.maxBatch,
        nowMs: environment.clock.wallMs(),
        signal,
        onProgress,
        settle: (settled) => settleProvider({ ...system, log: silentLogger }, settled),
      });
      // Nodes that serve a range which this version is in open it now.
      system.link.publishCore(system.names.subjects.askNodes, messageCodec.encode({}));
      progress.done(`${record.name}@${record.version}, sha256 ${record.digest}`);
      terminal.show({ ...record, present }, () => {
        terminal.print(
          `${record.name}@${record.version} ${present ? 'was there already' : 'added'}: vectors of ${lengthOfVectors(record.settings)} numbers`,
        );
        terminal.print(determinismText(record.determinism));
        const { major } = semver.parse(record.version) ?? { major: 1 };
        terminal.print(`to use it: model=${record.name}@^${major}`);
      });
    });
}

function parseName(text: string): NonNullable<AddFlags['name']> {
  const [name = '', wanted] = text.split('@');
  if (!DATASET_NAME.test(name)) {
    throw new InvalidArgumentError(`Expected 1 to 32 characters from a-z, 0-9 and -, got "${name}".`);
  }
  if (wanted === undefined) return { name };
  const version = semver.valid(wanted);
  if (version !== null) return { name, version };
  throw new InvalidArgumentError(`Expected a semantic version such as 1.2.0 after the @, got "${wanted}".`);
}

function parseDigest(text: string): string {
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  throw new InvalidArgumentError(`Expected 64 lower-case hex digits, got "${text}".`);
}
