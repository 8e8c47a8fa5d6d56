// docs/operations.md names only what is there: files, metrics, errors, variables and commands.
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { COMMAND_ERRORS } from '../../../cli/error-catalogue.ts';
import { METRICS, PROCESS_METRICS } from '../../../cli/metrics/metric-catalogue.ts';
import { metricsIn } from '../../support/promql.ts';

const root = new URL('../../../', import.meta.url);
const guide = readFileSync(new URL('docs/operations.md', root), 'utf8');

describe('docs/operations.md', () => {
  it('names files and folders that are there', () => {
    const named = [...guide.matchAll(/(?<![\w./])(?:compose|k8s|monitoring|scripts|tests)\/[\w./-]*\w/g)].map(
      ([path]) => path,
    );
    const local = named.filter((path) => path !== 'compose/.env');
    expect(local.filter((path) => !existsSync(new URL(path, root)))).toEqual([]);
    expect(local.length).toBeGreaterThan(20);
    const linked = [...guide.matchAll(/\]\(([\w-]+\.md)/g)].map(([, path]) => path ?? '');
    expect(linked.filter((path) => !existsSync(new URL(`docs/${path}`, root)))).toEqual([]);
  });

  it('names metrics and errors that there are', () => {
    expect(metricsIn(guide).filter((name) => !(name in METRICS) && !(name in PROCESS_METRICS))).toEqual([]);
    const errors = [...guide.matchAll(/exit code \d, `([a-z_]+)`/g)].map(([, code]) => code ?? '');
    expect(errors.filter((code) => !(code in COMMAND_ERRORS))).toEqual([]);
    expect(errors.length).toBeGreaterThan(3);
  });

  it('links to headings that it has', () => {
    const slugs = [...guide.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\w\s-]/g, '')
        .replaceAll(' ', '-'),
    );
    const linked = [...guide.matchAll(/\]\(#([\w-]+)\)/g)].map(([, slug]) => slug);
    expect(linked.filter((slug) => !slugs.includes(slug ?? ''))).toEqual([]);
    expect(linked.length).toBeGreaterThan(1);
  });
});
