// Grafana's JSON of a dashboard. The data source, the datasets and the nodes are chosen at the top of the page, so that the
// same file fits every installation.
import type { Dashboard, Panel } from './panel.ts';

const WIDTH = 24;
const HEIGHTS: Readonly<Record<Panel['type'], number>> = { stat: 4, lines: 8, stack: 8, table: 8 };
const DATASOURCE = { type: 'prometheus', uid: '$datasource' };
const SCHEMA_VERSION = 39;

export function grafanaJson({ name, title, description, rows }: Dashboard): string {
  const dashboard = {
    uid: `troupe-${name}`,
    title: `Troupe: ${title}`,
    description,
    tags: ['troupe'],
    schemaVersion: SCHEMA_VERSION,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    timezone: 'browser',
    links: [
      {
        type: 'dashboards',
        title: 'Troupe',
        tags: ['troupe'],
        asDropdown: true,
        keepTime: true,
        includeVars: true,
      },
    ],
    annotations: { list: [] },
    templating: { list: [datasource(), choice('dataset', 'Dataset'), choice('instance', 'Node')] },
    panels: panelsOf(rows),
  };
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}

function datasource() {
  return { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus', refresh: 1 };
}

/** The values of one label of what every node tells. */
function choice(label: 'dataset' | 'instance', title: string) {
  const metric = label === 'dataset' ? 'troupe_stage_items_total' : 'troupe_node_info';
  const query = `label_values(${metric}, ${label})`;
  return {
    name: label,
    label: title,
    type: 'query',
    datasource: DATASOURCE,
    definition: query,
    query: { query, refId: label },
    refresh: 2,
    includeAll: true,
    multi: true,
    allValue: '.*',
    current: { text: ['All'], value: ['$__all'] },
    sort: 1,
  };
}

function panelsOf(rows: Dashboard['rows']): readonly object[] {
  const panels: object[] = [];
  let y = 0;
  for (const row of rows) {
    const w = Math.floor(WIDTH / row.length);
    const h = Math.max(...row.map(({ type }) => HEIGHTS[type]));
    for (const [at, panel] of row.entries()) {
      panels.push({ id: panels.length + 1, gridPos: { x: at * w, y, w, h }, ...panelJson(panel) });
    }
    y += h;
  }
  return panels;
}

function panelJson({ title, description, type, unit, queries, thresholds }: Panel): object {
  const isInstant = type === 'stat' || type === 'table';
  return {
    title,
    description,
    type: type === 'lines' || type === 'stack' ? 'timeseries' : type,
    datasource: DATASOURCE,
    targets: queries.map(({ expr, legend }, at) => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + at),
      datasource: DATASOURCE,
      expr,
      legendFormat: legend,
      ...(isInstant && { instant: true, range: false }),
      ...(type === 'table' && { format: 'table' }),
    })),
    fieldConfig: {
      defaults: {
        unit,
        min: 0,
        ...(type === 'stack' && { custom: { stacking: { mode: 'normal', group: 'A' }, fillOpacity: 30 } }),
        ...(type === 'lines' && { custom: { fillOpacity: 5 } }),
        ...(thresholds && { color: { mode: 'thresholds' }, thresholds: steps(thresholds) }),
      },
      overrides: [],
    },
    options: optionsOf(type),
  };
}

function steps([yellow, red]: readonly [number, number]) {
  return {
    mode: 'absolute',
    steps: [
      { color: 'green', value: null },
      { color: 'yellow', value: yellow },
      { color: 'red', value: red },
    ],
  };
}

function optionsOf(type: Panel['type']): object {
  switch (type) {
    case 'stat':
      return { reduceOptions: { calcs: ['lastNotNull'] }, colorMode: 'value', graphMode: 'none' };
    case 'table':
      return { showHeader: true };
    case 'lines':
    case 'stack':
      return {
        legend: { displayMode: 'table', placement: 'right', calcs: ['lastNotNull', 'max'] },
        tooltip: { mode: 'multi' },
      };
  }
}
