// What `npm test` runs: types and lint, then the unit tests, then all other kinds side by side, or the kinds named as
// arguments. Tests get what they need (servers, a build) themselves. The last line is the count of all of them; it fails
// when a test failed, when a file could not run or when no test ran.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const KINDS = ['unit', 'integration', 'chaos', 'e2e'];
/** Files that run beside each other, for each core: those with processes of their own wait about half of the time. */
const FILES_PER_CORE = 1;
/** What the processes of one such file take at most. */
const BYTES_PER_FILE = 2 * 1024 ** 3;
const root = fileURLToPath(new URL('..', import.meta.url));

/** The parts of vitest's JSON report that are counted. */
interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    /** Milliseconds since 1970. */
    readonly startTime: number;
    readonly endTime: number;
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
  /** Of files that ran side by side: the sum of each. */
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
  const kinds = requested.length > 0 ? requested : KINDS;
  if (kinds.includes('unit')) rows.push(...runKinds(['unit']));
  const withProcesses = kinds.filter((kind) => kind !== 'unit');
  if (withProcesses.length > 0) rows.push(...runKinds(withProcesses, filesAtOnce()));
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

/** Bounded by the cores and by the memory. */
function filesAtOnce(): number {
  const byMemory = Math.floor(totalmem() / BYTES_PER_FILE);
  return Math.max(1, Math.min(Math.ceil(availableParallelism() * FILES_PER_CORE), byMemory));
}

/** Runs the tests of some kinds, so many files at once, and counts them by kind. */
function runKinds(kinds: readonly string[], workers?: number): readonly Row[] {
  const file = join(reports, `${kinds.join('-')}.json`);
  const projects = kinds.flatMap((kind) => ['--project', kind]);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const parallel = workers === undefined ? [] : [`--maxWorkers=${workers}`];
  const run = spawnSync(
    process.execPath,
    [packageFile('vitest', 'vitest.mjs'), 'run', ...projects, '--passWithNoTests', ...parallel, ...reporters],
    { cwd: root, stdio: 'inherit' },
  );
  const report = readReport(file);
  const rows = kinds.map((kind) => count(kind, report));
  const failed = rows.some(({ counts }) => counts.failed > 0);
  // Vitest also fails on errors outside of tests (an unhandled rejection, say).
  return failed || run.status === 0
    ? rows
    : [...rows, { name: 'outside', counts: { passed: 0, failed: 1, skipped: 0 }, seconds: 0 }];
}

/** What a report says of the tests of one kind; a report that is not there is a failure. */
function count(name: string, report: Report | undefined): Row {
  if (report === undefined) return { name, counts: { passed: 0, failed: 1, skipped: 0 }, seconds: 0 };
  const files = report.testResults.filter((result) => relative(root, result.name).split(sep)[1] === name);
  const tests = files.flatMap(({ assertionResults }) => assertionResults);
  const having = (...statuses: readonly string[]) =>
    tests.filter(({ status }) => statuses.includes(status)).length;
  // A file that fails before its first test (a wrong import, say) counts as one failure.
  const unstarted = files.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  ).length;
  const counts = {
    passed: having('passed'),
    failed: having('failed') + unstarted,
    skipped: having('pending', 'skipped', 'todo', 'disabled'),
  };
  const milliseconds = files.reduce((sum, { startTime, endTime }) => sum + (endTime - startTime), 0);
  return { name, counts, seconds: milliseconds / 1000 };
}

function readReport(file: string): Report | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Report;
  } catch {
    // Vitest ended without a report; the caller counts that as a failure.
    return undefined;
  }
}
