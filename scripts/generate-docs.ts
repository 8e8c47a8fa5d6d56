// Writes the generated documentation: docs/config.md from the schema. Run it after a change to the configuration:
// `npx node scripts/generate-docs.ts`.
import { writeFileSync } from 'node:fs';
import { configReference } from '../cli/config/index.ts';

writeFileSync(new URL('../docs/config.md', import.meta.url), configReference());
