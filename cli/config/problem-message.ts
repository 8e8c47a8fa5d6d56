// Turns an issue that zod found into `expected …, got …`, with the value and the nearest allowed word.
import { z } from 'zod';
import type { SchemaNode } from './schema.ts';
import { suggest } from './suggestion.ts';

/** A zod issue as one or more problems: its path, what it is about and its message. */
export interface IssueProblem {
  readonly path: readonly PropertyKey[];
  /** Whether the problem is the key itself, not its value. */
  readonly aboutKey: boolean;
  /** Where in the value, in characters from 0, when the value is a text with a place of its own for the problem. */
  readonly within?: number;
  readonly message: string;
}

/** Problems of one issue; an issue about unknown keys gives one for each key. */
export function problemsOfIssue(issue: z.core.$ZodIssue, raw: unknown, schema: SchemaNode): IssueProblem[] {
  const got = describeValue(valueAt(raw, issue.path));
  if (issue.code === 'unrecognized_keys') {
    const allowed = Object.keys(schemaAt(schema, issue.path)?.properties ?? {});
    return issue.keys.map((key) => ({
      path: [...issue.path, key],
      aboutKey: true,
      message: unknownName(key, allowed),
    }));
  }
  if (issue.code === 'invalid_key') {
    const name = String(issue.path.at(-1));
    const expected = issue.issues[0]?.message ?? issue.message;
    return [
      { path: issue.path, aboutKey: true, message: `expected ${expected}, got ${describeValue(name)}` },
    ];
  }
  const message = `expected ${expectation(issue)}, got ${got}`;
  if (issue.code !== 'custom') return [{ path: issue.path, aboutKey: false, message }];
  const { position, name, allowed } = expressionPlace.parse(issue.params ?? {});
  const near = name === undefined ? undefined : suggest(name, allowed);
  return [
    {
      path: issue.path,
      aboutKey: false,
      ...(position !== undefined && { within: position }),
      message: near === undefined ? message : `${message} (did you mean ${near}?)`,
    },
  ];
}

/** What a check of our own may say beside its message: where in a text, and which name it did not know. */
const expressionPlace = z.object({
  position: z.number().optional(),
  name: z.string().optional(),
  allowed: z.array(z.string()).default([]),
});

/** `expected one of …, got …` for a name that is not allowed, with a suggestion where one is near. */
export function unknownName(name: string, allowed: readonly string[]): string {
  const near = suggest(name, allowed);
  const hint = near === undefined ? '' : ` (did you mean ${near}?)`;
  return `expected one of ${allowed.join(', ')}, got ${describeValue(name)}${hint}`;
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return typeName(issue.expected);
    case 'too_small':
      return bound('at least', issue.origin, Number(issue.minimum));
    case 'too_big':
      return bound('at most', issue.origin, Number(issue.maximum));
    case 'invalid_value':
      return issue.values.length === 1 ? String(issue.values[0]) : `one of ${issue.values.join(', ')}`;
    default:
      return issue.message;
  }
}

function bound(relation: 'at least' | 'at most', origin: string, limit: number): string {
  if (origin === 'string') return `${relation} ${limit} character${limit === 1 ? '' : 's'}`;
  if (origin === 'array') return `${relation} ${limit} entries`;
  return `${relation} ${limit}`;
}

function typeName(expected: string): string {
  switch (expected) {
    case 'object':
    case 'record':
      return 'a mapping of fields';
    case 'array':
      return 'a list';
    case 'int':
      return 'a whole number';
    case 'string':
      return 'a text';
    default:
      return `a ${expected}`;
  }
}

/** The part of the schema that a path leads to. */
function schemaAt(schema: SchemaNode, path: readonly PropertyKey[]): SchemaNode | undefined {
  let node: SchemaNode | undefined = schema;
  for (const part of path) {
    if (node === undefined) return undefined;
    node = typeof part === 'number' ? node.items : childSchema(node, String(part));
  }
  return node;
}

/** The schema of one field of a mapping. */
export function childSchema(node: SchemaNode, name: string): SchemaNode | undefined {
  const own = node.properties;
  if (own !== undefined && Object.hasOwn(own, name)) return own[name];
  return typeof node.additionalProperties === 'object' ? node.additionalProperties : undefined;
}

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  let value = raw;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}

function describeValue(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (typeof value === 'number') return String(value);
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
