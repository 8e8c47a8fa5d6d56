// Overrides from the environment: `TROUPE_DATASETS__PHOTOS__SHARDS=8` sets `datasets.photos.shards`. `__` separates
// the parts of a path; a part matches a field whatever its case and its `_` and `-`.
import { parse } from 'yaml';
import { childSchema, unknownName } from './problem-message.ts';
import type { SchemaNode } from './schema.ts';
import { normalizeName, suggest } from './suggestion.ts';

const PREFIX = 'TROUPE_';

/** One variable that sets a field. */
export interface Override {
  readonly variable: string;
  readonly path: readonly string[];
  readonly value: unknown;
}

/** The overrides of an environment, and the variables that look like overrides but lead nowhere. */
export interface Overrides {
  readonly overrides: readonly Override[];
  readonly problems: readonly { readonly variable: string; readonly message: string }[];
}

/**
 * Reads the overrides. A variable whose first part is no field, nor near one, is left alone: it may belong to
 * another part of the program.
 */
export function readOverrides(
  env: Readonly<Record<string, string | undefined>>,
  schema: SchemaNode,
  raw: unknown,
): Overrides {
  const overrides: Override[] = [];
  const problems: { variable: string; message: string }[] = [];
  for (const variable of Object.keys(env).sort()) {
    const text = env[variable];
    if (!variable.startsWith(PREFIX) || text === undefined) continue;
    const parts = variable.slice(PREFIX.length).split('__');
    if (!isMeantAsOverride(parts[0] ?? '', schema)) continue;
    const found = resolvePath(parts, schema, raw);
    if ('message' in found) problems.push({ variable, message: found.message });
    else overrides.push({ variable, path: found.path, value: parseValue(text, found.node) });
  }
  return { overrides, problems };
}

/** A copy of the raw configuration with the overrides set. */
export function applyOverrides(raw: unknown, overrides: readonly Override[]): unknown {
  return overrides.reduce<unknown>((value, override) => withValue(value, override.path, override.value), raw);
}

function withValue(target: unknown, path: readonly string[], value: unknown): unknown {
  const [head, ...rest] = path;
  if (head === undefined) return value;
  const fields = isFields(target) ? target : {};
  return {
    ...fields,
    [head]: withValue(Object.hasOwn(fields, head) ? fields[head] : undefined, rest, value),
  };
}

function isMeantAsOverride(first: string, schema: SchemaNode): boolean {
  const written = normalizeName(first);
  const fields = Object.keys(schema.properties ?? {});
  const missesSeparator = fields.some((field) => {
    const nested = childSchema(schema, field);
    const isSection = nested?.properties !== undefined || typeof nested?.additionalProperties === 'object';
    return isSection && written.startsWith(normalizeName(field));
  });
  return missesSeparator || suggest(first, fields) !== undefined;
}

function resolvePath(
  parts: readonly string[],
  schema: SchemaNode,
  raw: unknown,
): { readonly path: readonly string[]; readonly node: SchemaNode } | { readonly message: string } {
  const path: string[] = [];
  let node = schema;
  let value = raw;
  for (const part of parts) {
    const fields = Object.keys(node.properties ?? {});
    const names = [...fields, ...(isFields(value) ? Object.keys(value) : [])];
    const name =
      names.find((candidate) => normalizeName(candidate) === normalizeName(part)) ??
      (typeof node.additionalProperties === 'object' ? part.toLowerCase().replaceAll('_', '-') : undefined);
    const next = name === undefined || part === '' ? undefined : childSchema(node, name);
    if (name === undefined || next === undefined) {
      const allowed = fields.length === 0 ? 'no further part' : undefined;
      return {
        message: allowed === undefined ? unknownName(part, fields) : `expected ${allowed}, got "${part}"`,
      };
    }
    path.push(name);
    node = next;
    value = isFields(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  }
  return { path, node };
}

/** Texts stay as they are; lists may be written with commas; everything else is read as YAML. */
function parseValue(text: string, node: SchemaNode): unknown {
  if (node.type === 'string') return text;
  if (node.type === 'array' && !text.trimStart().startsWith('[')) {
    return text
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== '');
  }
  try {
    return parse(text) as unknown;
  } catch {
    // Not YAML: the schema then says what it should have been.
    return text;
  }
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
