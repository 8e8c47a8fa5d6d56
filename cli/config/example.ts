// A complete commented `troupe.yaml`, generated from the schema: every field with its default and its description.
import { describeDefault } from './describe-field.ts';
import { configSchemaJson, type SchemaNode } from './schema.ts';

const LINE_WIDTH = 100;

/** The kinds of data for which there is an example. */
export const EXAMPLE_KINDS = ['image'] as const;

/** A kind of data for which there is an example. */
export type ExampleKind = (typeof EXAMPLE_KINDS)[number];

const DATASET_NAMES: Readonly<Record<ExampleKind, string>> = { image: 'photos' };

/** Text of a `troupe.yaml` with one dataset of this kind; loading it gives exactly the defaults. */
export function exampleConfig(kind: ExampleKind): string {
  const head = '# Configuration of Troupe. Every field is shown with its default and may be left out.';
  return `${[head, ...fieldLines(configSchemaJson(), '', DATASET_NAMES[kind])].join('\n')}\n`;
}

function fieldLines(node: SchemaNode, indent: string, datasetName: string): string[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, field], index) => {
    const gap = indent === '' || index > 0 ? [''] : [];
    return [
      ...gap,
      ...comment(field.description ?? '', indent),
      ...valueLines(name, field, indent, datasetName),
    ];
  });
}

function valueLines(name: string, field: SchemaNode, indent: string, datasetName: string): string[] {
  const value = describeDefault(field);
  if (field.properties !== undefined) {
    return section(`${indent}${name}`, fieldLines(field, `${indent}  `, datasetName));
  }
  if (typeof field.additionalProperties === 'object') {
    const inner = fieldLines(field.additionalProperties, `${indent}    `, datasetName);
    // Entries of which there are none by default are shown as comments.
    if (value === '{}') return section(`${indent}${name}`, [`${indent}  NAME:`, ...inner].map(commentedOut));
    return [`${indent}${name}:`, `${indent}  ${datasetName}:`, ...inner];
  }
  return value === undefined ? [`${indent}# ${name}:`] : [`${indent}${name}: ${value}`];
}

/** A mapping under its name; over comments alone the name is a comment too, so that both can be taken in together. */
function section(head: string, lines: readonly string[]): string[] {
  const isEmpty = lines.every((line) => line === '' || line.trimStart().startsWith('#'));
  return [isEmpty ? commentedOut(`${head}:`) : `${head}:`, ...lines];
}

function commentedOut(line: string): string {
  const text = line.trimStart();
  return text === '' || text.startsWith('#') ? line : `${line.slice(0, line.length - text.length)}# ${text}`;
}

function comment(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + line.length + word.length + 3 > LINE_WIDTH) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].filter((entry) => entry !== '').map((entry) => `${indent}# ${entry}`);
}
