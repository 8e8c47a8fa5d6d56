// Documentation and code say the same: docs/config.md is the generated reference, docs/errors.md lists the codes.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { configReference, configSchemaJson } from '../../../cli/config/index.ts';
import { COMMAND_ERRORS, DEAD_LETTER_REASONS } from '../../../cli/error-catalogue.ts';
import { withMetricsTable } from '../../../cli/metrics/reference.ts';
import { withPermissionTables } from '../../../cli/secure/reference.ts';

const read = (name: string): string =>
  readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8');

describe('docs/config.md', () => {
  it('is what scripts/generate-docs.ts writes', () => {
    expect(read('config.md')).toBe(configReference());
  });

  it('describes every field', () => {
    const undescribed: string[] = [];
    const visit = (path: string, node: ReturnType<typeof configSchemaJson>): void => {
      for (const [name, field] of Object.entries(node.properties ?? {})) {
        if ((field.description ?? '') === '') undescribed.push(`${path}${name}`);
        visit(
          `${path}${name}.`,
          typeof field.additionalProperties === 'object' ? field.additionalProperties : field,
        );
      }
    };
    visit('', configSchemaJson());
    expect(undescribed).toEqual([]);
  });
});

describe('docs/observability.md', () => {
  it('has the table of metrics that scripts/generate-docs.ts writes', () => {
    expect(read('observability.md')).toBe(withMetricsTable(read('observability.md')));
  });
});

describe('docs/security.md', () => {
  it('has the permissions that scripts/generate-docs.ts writes', () => {
    expect(read('security.md')).toBe(withPermissionTables(read('security.md')));
  });
});

describe('docs/errors.md', () => {
  const documented = [...read('errors.md').matchAll(/^\| `([a-z0-9_]+)` \| ([^|]+) \|/gm)].map(
    ([, code, becomes]) => `${code}: ${becomes?.trim()}`,
  );
  const known = Object.entries({ ...COMMAND_ERRORS, ...DEAD_LETTER_REASONS }).map(
    ([code, entry]) => `${code}: ${entry.becomes}`,
  );

  it('lists every code of the catalogue with what becomes of it, and no other', () => {
    expect(documented).toEqual(known);
    expect(known.length).toBeGreaterThan(20);
  });
});
