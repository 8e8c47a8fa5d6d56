// The dashboards ask only for what nodes tell, and what is checked in is what the script writes.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { METRICS, type Metric, PROCESS_METRICS } from '../../../cli/metrics/metric-catalogue.ts';
import { DASHBOARDS } from '../../../scripts/dashboards/dashboards.ts';
import { grafanaJson } from '../../../scripts/dashboards/grafana.ts';
import { labelsIn, metricsIn } from '../../support/promql.ts';

const monitoring = new URL('../../../monitoring/', import.meta.url);
const queries = DASHBOARDS.flatMap(({ name, rows }) =>
  rows
    .flat()
    .flatMap(({ title, queries: asked }) =>
      asked.map(({ expr, legend }) => ({ panel: `${name}: ${title}`, expr, legend })),
    ),
);
/** What Prometheus and histograms add to the labels of a metric. */
const ADDED = new Set(['instance', 'job', 'le']);

function metricOf(name: string): Metric | undefined {
  const all: Readonly<Record<string, Metric>> = METRICS;
  const base = name.replace(/_(bucket|sum|count)$/, '');
  return all[name] ?? (all[base]?.type === 'histogram' ? all[base] : undefined);
}

describe('the dashboards', () => {
  it.each(DASHBOARDS.map((dashboard) => ({ name: dashboard.name, dashboard })))(
    '$name is checked in as scripts/generate-docs.ts writes it',
    ({ name, dashboard }) => {
      expect(readFileSync(new URL(`grafana/${name}.json`, monitoring), 'utf8')).toBe(grafanaJson(dashboard));
    },
  );

  it('are all that is checked in', () => {
    const files = DASHBOARDS.map(({ name }) => `${name}.json`).sort();
    expect(readdirSync(new URL('grafana/', monitoring)).sort()).toEqual(files);
    expect(files).toEqual(['cluster.json', 'dedup.json', 'embedding.json', 'overview.json', 'stages.json']);
  });

  it('ask for metrics of the catalogue or of the process only, by labels that these have', () => {
    const strange = queries.flatMap(({ panel, expr, legend }) => {
      const names = metricsIn(expr);
      const unknown = names.filter((name) => metricOf(name) === undefined && !(name in PROCESS_METRICS));
      const labels = new Set(names.flatMap((name) => Object.keys(metricOf(name)?.labels ?? {})));
      const wrong = labelsIn(expr, legend).filter((label) => !labels.has(label) && !ADDED.has(label));
      return [...unknown, ...wrong, ...(names.length === 0 ? ['no metric'] : [])].map(
        (what) => `${panel}: ${what}`,
      );
    });
    expect(strange).toEqual([]);
    expect(queries.length).toBeGreaterThan(40);
  });

  it('compare labels with values that there are', () => {
    const strange = queries.flatMap(({ panel, expr }) =>
      [...expr.matchAll(/(\w+)\{([^}]*)\}/g)].flatMap(([, name = '', filters = '']) =>
        [...filters.matchAll(/(\w+)!?="([^"]*)"/g)].flatMap(([, label = '', value = '']) => {
          const allowed = metricOf(name)?.labels[label];
          return Array.isArray(allowed) && !allowed.includes(value) ? [`${panel}: ${label}=${value}`] : [];
        }),
      ),
    );
    expect(strange).toEqual([]);
  });

  it('take rates of counters and buckets, and never of gauges', () => {
    const strange = queries.flatMap(({ panel, expr }) =>
      [...expr.matchAll(/(?:rate|increase)\((\w+)/g)].flatMap(([, name = '']) =>
        name in PROCESS_METRICS || metricOf(name)?.type === 'counter' || name.endsWith('_bucket')
          ? []
          : [`${panel}: ${name}`],
      ),
    );
    expect(strange).toEqual([]);
  });

  it('show every metric of the catalogue somewhere', () => {
    const shown = new Set(
      queries.flatMap(({ expr }) => metricsIn(expr)).map((name) => name.replace(/_bucket$/, '')),
    );
    expect(Object.keys(METRICS).filter((name) => !shown.has(name))).toEqual([]);
  });
});

describe('the scrape configuration', () => {
  it('reads /metrics of the customary port', () => {
    const { scrape_configs: jobs } = parse(readFileSync(new URL('prometheus.yaml', monitoring), 'utf8'));
    expect(jobs).toEqual([
      {
        job_name: 'troupe',
        metrics_path: '/metrics',
        static_configs: [{ targets: ['127.0.0.1:9464'] }],
      },
    ]);
  });
});
