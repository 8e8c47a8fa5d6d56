// What `npm test` runs: types and lint, then every kind of test in order of cost, or the kinds named as arguments.
// Tests get what they need (servers, a build) themselves. The last line is the count of all of them; it fails when a
// test failed, when a file could not run or when no test ran.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const KINDS = ['unit', 'integration', 'chaos', 'e2e'];
const root = fileURLToPath(new URL('..', import.meta.url));

/** The parts of vitest's JSON report that are counted. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly success: boolean;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

interface Row {
  readonly name: string;
  readonly counts: Counts;
  readonly seconds: number;
}

const requested = process.argv.slice(2);
const reports = mkdtempSync(join(tmpdir(), 'troupe-test-'));
const rows: Row[] = [];
try {
  if (requested.length === 0) {
    const tsc = packageFile('typescript', 'bin/tsc');
    rows.push(runCheck('types', [tsc, '-b']));
    rows.push(runCheck('test types', [tsc, '-p', 'tests']));
    rows.push(
      runCheck('lint', [packageFile('@biomejs/biome', 'bin/biome'), 'check', '--error-on-warnings', '.']),
    );
  }
  rows.push(runCheck('servers', [join(root, 'scripts/server-versions.ts')]));
  for (const kind of requested.length > 0 ? requested : KINDS) rows.push(runKind(kind));
} finally {
  rmSync(reports, { recursive: true, force: true });
}

console.log();
for (const { name, counts, seconds } of rows) {
  console.log(`${name.padEnd(12)} ${summary(counts)} (${seconds.toFixed(1)} s)`);
}
const total = rows.reduce<Counts>(
  (sum, { counts }) => ({
    passed: sum.passed + counts.passed,
    failed: sum.failed + counts.failed,
    skipped: sum.skipped + counts.skipped,
  }),
  { passed: 0, failed: 0, skipped: 0 },
);
console.log(summary(total));
process.exitCode = total.failed > 0 || ranNoTest() ? 1 : 0;

function summary({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

function ranNoTest(): boolean {
  return rows.every(({ name, counts }) => !KINDS.includes(name) || counts.passed === 0);
}

/** A file of an installed package. */
function packageFile(name: string, file: string): string {
  return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), file);
}

/** Runs a check, which counts as one test. */
function runCheck(name: string, command: readonly string[]): Row {
  const startedMs = performance.now();
  const isGood = spawnSync(process.execPath, command, { cwd: root, stdio: 'inherit' }).status === 0;
  const counts = { passed: isGood ? 1 : 0, failed: isGood ? 0 : 1, skipped: 0 };
  return { name, counts, seconds: (performance.now() - startedMs) / 1000 };
}

/** Runs the tests of one kind and counts them. */
function runKind(name: string): Row {
  const file = join(reports, `${name}.json`);
  const startedMs = performance.now();
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const run = spawnSync(
    process.execPath,
    [packageFile('vitest', 'vitest.mjs'), 'run', '--project', name, '--passWithNoTests', ...reporters],
    { cwd: root, stdio: 'inherit' },
  );
  return { name, counts: count(file, run.status), seconds: (performance.now() - startedMs) / 1000 };
}

function count(file: string, status: number | null): Counts {
  const report = readReport(file);
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0 };
  // A file that fails before its first test (a wrong import, say) counts as one failure.
  const unstarted = report.testResults.filter(
    (result) =>
      result.status === 'failed' && !result.assertionResults.some((test) => test.status === 'failed'),
  ).length;
  const failed = report.numFailedTests + unstarted;
  return {
    passed: report.numPassedTests,
    // Vitest also fails on errors outside of tests (an unhandled rejection, say).
    failed: failed === 0 && status !== 0 ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

function readReport(file: string): Report | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Report;
  } catch {
    // Vitest ended without a report; the caller counts that as a failure.
    return undefined;
  }
}
