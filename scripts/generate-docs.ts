// Writes the generated documentation: docs/config.md from the schema, and the table of metrics in docs/observability.md
// from the catalogue. Run it after a change to either: `npx node scripts/generate-docs.ts`.
import { readFileSync, writeFileSync } from 'node:fs';
import { configReference } from '../cli/config/index.ts';
import { withMetricsTable } from '../cli/metrics/reference.ts';

const docs = new URL('../docs/', import.meta.url);
writeFileSync(new URL('config.md', docs), configReference());

const observability = new URL('observability.md', docs);
writeFileSync(observability, withMetricsTable(readFileSync(observability, 'utf8')));
