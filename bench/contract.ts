// The contract of every benchmark: what it is given, what it returns, how it is printed and written (raw JSON).
import { execFile } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { promisify } from 'node:util';

export interface BenchOptions {
  /** A folder laid out as `shared/data`; without it the bench generates its own input. */
  readonly data?: string;
  readonly quick: boolean;
  /** Also the sizes that take minutes and gigabytes (the dedup bench at a million items). */
  readonly million?: boolean;
  /** How long faults are injected, and by which seed (the chaos bench). */
  readonly minutes?: number;
  readonly seed?: number;
  /** One part of the bench instead of all of them, by its name. */
  readonly only?: string;
  /** Tells how far the run is. */
  readonly note: (line: string) => void;
}

/** The bench cannot run with these options; the message says what it needs. */
export class BenchRefused extends Error {
  override readonly name = 'BenchRefused';
}

export interface Metric {
  readonly value: number;
  readonly unit: string;
  /** What it was measured against in the same run. */
  readonly reference?: string;
  /** Smallest and largest of the rounds. */
  readonly spread?: readonly [number, number];
}

export type Metrics = Readonly<Record<string, Metric>>;
export interface Bench {
  /** Names that `only` may have; none where the bench has one part. */
  readonly parts: readonly string[];
  run(options: BenchOptions): Promise<Metrics>;
}

export interface RunDescription {
  readonly commit: string;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly memoryGib: number;
    readonly node: string;
  };
}

/** Commit and machine of this run. */
export async function describeRun(): Promise<RunDescription> {
  const commit = await promisify(execFile)('git', ['rev-parse', '--short', 'HEAD'])
    .then(({ stdout }) => stdout.trim())
    .catch(() => 'unknown');
  const [cpu] = cpus();
  const memoryGib = Math.round(totalmem() / 2 ** 30);
  return {
    commit,
    machine: { cpu: cpu?.model ?? 'unknown', cores: cpus().length, memoryGib, node: process.version },
  };
}

/** Median of the rounds with their spread. */
export function metricOf(rounds: readonly number[], unit: string, reference?: string): Metric {
  const sorted = [...rounds].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  const median = sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
  return {
    value: significant(median),
    unit,
    ...(reference !== undefined && { reference }),
    spread: [significant(sorted[0] ?? Number.NaN), significant(sorted.at(-1) ?? Number.NaN)],
  };
}

export function formatMetrics(
  result: RunDescription & { readonly bench: string; readonly metrics: Metrics },
): string {
  const { cpu, cores, memoryGib, node } = result.machine;
  const lines = [
    `${result.bench} at ${result.commit}, ${cores} cores (${cpu}), ${memoryGib} GiB, Node.js ${node}`,
  ];
  const width = Math.max(...Object.keys(result.metrics).map((name) => name.length));
  for (const [name, { value, unit, reference, spread }] of Object.entries(result.metrics)) {
    const range = spread === undefined ? '' : `  (${spread[0]} to ${spread[1]})`;
    lines.push(
      `${name.padEnd(width)}  ${value} ${unit}${range}${reference === undefined ? '' : `  against ${reference}`}`,
    );
  }
  return lines.join('\n');
}

function significant(value: number): number {
  return Number(value.toPrecision(4));
}
