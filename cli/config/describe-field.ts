// Words for a field of the configuration's JSON schema: its type with limits, and its default as YAML.
import type { SchemaNode } from './schema.ts';

/** The type and limits of a field in a few words, e.g. `whole number, 1 to 1024`. */
export function describeType(node: SchemaNode): string {
  if (node.title !== undefined) return node.title;
  if (node.const !== undefined) return String(node.const);
  if (node.enum !== undefined) return node.enum.map(String).join(' or ');
  if (node.anyOf !== undefined) return node.anyOf.map(describeType).join(' or ');
  if (typeof node.type === 'object') return 'size in bytes, with or without a unit';
  switch (node.type) {
    case 'integer':
      return `whole number${describeRange(node)}`;
    case 'number':
      return `number${describeRange(node)}`;
    case 'string':
      return 'text';
    case 'array':
      return `list of ${itemNames(node.items)}`;
    case 'object':
      return 'mapping';
    default:
      return node.type ?? 'anything';
  }
}

function itemNames(items: SchemaNode | undefined): string {
  if (items?.type === 'object') return 'mappings';
  return items?.type === 'integer' || items?.type === 'number' ? 'numbers' : 'texts';
}

function describeRange({ minimum, maximum }: SchemaNode): string {
  return minimum === undefined || maximum === undefined ? '' : `, ${minimum} to ${maximum}`;
}

/** The default of a field as it would be written in YAML; `undefined` when it has none. */
export function describeDefault(node: SchemaNode): string | undefined {
  if (node.default === undefined) return undefined;
  return typeof node.default === 'string' ? node.default : JSON.stringify(node.default);
}
