// Writes what is generated: docs/config.md from the schema, the table of metrics in docs/observability.md from the
// catalogue, the permissions in docs/security.md from the roles, and Grafana's dashboards. Run it after a change to one of them: `npx node scripts/generate-docs.ts`.
import { readFileSync, writeFileSync } from 'node:fs';
import { configReference } from '../cli/config/index.ts';
import { withMetricsTable } from '../cli/metrics/reference.ts';
import { withPermissionTables } from '../cli/secure/reference.ts';
import { DASHBOARDS } from './dashboards/dashboards.ts';
import { grafanaJson } from './dashboards/grafana.ts';

const docs = new URL('../docs/', import.meta.url);
writeFileSync(new URL('config.md', docs), configReference());

const observability = new URL('observability.md', docs);
writeFileSync(observability, withMetricsTable(readFileSync(observability, 'utf8')));

const security = new URL('security.md', docs);
writeFileSync(security, withPermissionTables(readFileSync(security, 'utf8')));

const dashboards = new URL('../monitoring/grafana/', import.meta.url);
for (const dashboard of DASHBOARDS) {
  writeFileSync(new URL(`${dashboard.name}.json`, dashboards), grafanaJson(dashboard));
}
