import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { SpreadKinds } from './scripts/spread-kinds.ts';

// Unit tests share one environment (fast: no I/O, no globals); every other kind gets a process of its own.
export default defineConfig({
  test: {
    sequence: { sequencer: SpreadKinds },
    // Processes that tests start compile the same sources again and again.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL('node_modules/.cache/compiled', import.meta.url)) },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['tests/unit/**/*.test.ts'],
          setupFiles: ['tests/support/system-checks.ts'],
          isolate: false,
          // A bound, not a measure: some properties are held against many cases, and a machine may be busy.
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['tests/integration/**/*.test.ts'],
          pool: 'forks',
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'chaos',
          include: ['tests/chaos/**/*.test.ts'],
          globalSetup: ['tests/support/shared-folder.ts'],
          pool: 'forks',
          // Each test has a system of its own, and other files run beside it.
          maxConcurrency: 3,
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['tests/e2e/**/*.test.ts'],
          pool: 'forks',
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
