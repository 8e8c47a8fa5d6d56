// `troupe model inspect`: what a model file has, how it runs here, and the entry that it most likely wants.
import { relative } from 'node:path';
import { configuredModel, inspectModel, type ModelFacts, modelConfigSchema } from '#actors';
import { asModelFailure } from '../node/resolve-model.ts';
import type { Terminal } from '../terminal.ts';
import { type Description, describe, identityOfModel, type NamedModel, nameOfFile } from './find-model.ts';
import { proposedEntry } from './proposed-entry.ts';

export interface Inspection {
  readonly name: string;
  readonly file: string;
  readonly description: Description;
  /** As it runs under its settings, or under those that are proposed; null where it takes no picture. */
  readonly runs: ModelFacts | null;
  /** Numbers of a vector. */
  readonly dimension: number | null;
  /** YAML; null for a model that is configured already, or takes no picture. */
  readonly entry: string | null;
}

/** A model of the configuration. @throws CommandError `config_invalid` */
export async function inspectNamed(model: NamedModel): Promise<Inspection> {
  const { name, file } = model;
  const description = await describe(name, file);
  const identity = await identityOfModel(model);
  const runs = await opened(name, () => inspectModel(identity));
  return { name, file, description, runs, dimension: identity.dimension, entry: null };
}

/** Any file. @throws CommandError `config_invalid` where it is no ONNX model, or does not run as it was understood */
export async function inspectFile(file: string, cwd: string): Promise<Inspection> {
  const name = nameOfFile(file);
  const description = await describe(name, file);
  const { proposal } = description;
  if (proposal === undefined) return { name, file, description, runs: null, dimension: null, entry: null };
  const config = modelConfigSchema.parse({ file, ...proposal.settings });
  const runs = await opened(name, async () => inspectModel(await configuredModel(name, { file, config })));
  const from = relative(cwd, file);
  const entry = proposedEntry(name, from.startsWith('..') ? file : from, proposal);
  return { name, file, description, runs, dimension: config.dimension, entry };
}

async function opened<T>(name: string, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    throw asModelFailure(error, name);
  }
}

const MIB = 2 ** 20;

export function renderInspection(
  terminal: Terminal,
  { file, description, runs, dimension, entry }: Inspection,
): void {
  const { sha256, bytes, header, inputs, outputs, problem } = description;
  const opsets = Object.entries(header.opsets).map(([domain, version]) => `${domain} ${version}`);
  const operators = Object.entries(header.operators).map(([operator, count]) => `${count} ${operator}`);
  terminal.print(`${terminal.style('bold', file)}: ${(bytes / MIB).toFixed(1)} MiB, sha256 ${sha256}`);
  terminal.print(
    `ONNX IR ${header.irVersion}, operators of ${opsets.join(', ') || 'no set'}${header.producer === '' ? '' : `, by ${header.producer}`}`,
  );
  terminal.print(`${operators.slice(0, 8).join(', ')}${operators.length > 8 ? ', …' : ''}`);
  terminal.print();
  terminal.table(
    [
      { title: '' },
      { title: 'Name' },
      { title: 'Type' },
      { title: 'Shape' },
      { title: 'Gave for one picture' },
    ],
    [
      ...inputs.map(({ name, type, shape }) => ['input', name, type, shape.join(' × '), '']),
      ...outputs.map(({ name, type, shape, gave }) => [
        'output',
        name,
        type,
        shape.join(' × '),
        gave === undefined ? '' : `${gave.shape.join(' × ')}, length ${gave.length.toPrecision(4)}`,
      ]),
    ],
  );
  terminal.print();
  if (problem !== undefined) terminal.print(`no model of pictures: ${problem}`);
  if (runs !== null) {
    terminal.print(
      `runs on ${runs.provider}: ${runs.input} to ${runs.output}, vectors of ${dimension} numbers; the same bits in batches of ${runs.batches.join(', ')}`,
    );
    for (const { provider, reason } of runs.unavailable) terminal.print(`not on ${provider}: ${reason}`);
  }
  if (entry === null) return;
  terminal.print();
  for (const line of entry.trimEnd().split('\n')) terminal.print(line);
}
