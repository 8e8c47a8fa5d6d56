// `npm run bench -- NAME [--data DIR] [--quick] [--only PART] [--million] [--minutes N] [--seed S] [--json FILE]`: runs one
// benchmark of the contract and prints its metrics with their spread; raw results go to FILE.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { actorsBench } from './actors.ts';
import { cacheBench } from './cache.ts';
import { chaosBench } from './chaos.ts';
import { clusterBench } from './cluster.ts';
import { type Bench, type BenchOptions, BenchRefused, describeRun, formatMetrics } from './contract.ts';
import { dedupBench } from './dedup.ts';
import { embedBench } from './embed.ts';
import { pipelineBench } from './pipeline.ts';
import { qualityBench } from './quality.ts';

const BENCHES: Readonly<Record<string, Bench>> = {
  actors: actorsBench,
  cache: cacheBench,
  chaos: chaosBench,
  cluster: clusterBench,
  dedup: dedupBench,
  embed: embedBench,
  pipeline: pipelineBench,
  quality: qualityBench,
};

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      data: { type: 'string' },
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      million: { type: 'boolean', default: false },
      minutes: { type: 'string' },
      seed: { type: 'string' },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help());
    return 0;
  }
  const [name] = positionals;
  const bench = name !== undefined && Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
  if (name === undefined || bench === undefined) return refused(`no bench is named ${name ?? '(nothing)'}`);
  const { only } = values;
  if (only !== undefined && !bench.parts.includes(only)) {
    const parts = bench.parts.length === 0 ? `${name} has no parts` : `expected ${bench.parts.join(' or ')}`;
    return refused(`--only: ${parts}, got ${only}`);
  }
  const minutes = Number(values.minutes ?? Number.NaN);
  const seed = Number(values.seed ?? Number.NaN);
  if (values.minutes !== undefined && !(minutes > 0)) {
    return refused(`--minutes: expected a number above 0, got ${values.minutes}`);
  }
  if (values.seed !== undefined && !Number.isSafeInteger(seed)) {
    return refused(`--seed: expected a whole number, got ${values.seed}`);
  }
  const options: BenchOptions = {
    quick: values.quick,
    million: values.million,
    ...(values.data !== undefined && { data: values.data }),
    ...(only !== undefined && { only }),
    ...(values.minutes !== undefined && { minutes }),
    ...(values.seed !== undefined && { seed }),
    note: (line) => process.stderr.write(`${line}\n`),
  };
  const result = { bench: name, ...(await describeRun()), metrics: await bench.run(options) };
  process.stdout.write(`${formatMetrics(result)}\n`);
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(result, undefined, 2)}\n`);
  return 0;
}

function refused(why: string): number {
  process.stderr.write(`${why}\n${help()}`);
  return 2;
}

function help(): string {
  const names = Object.entries(BENCHES).map(
    ([name, { parts }]) => `  ${name}${parts.length === 0 ? '' : ` (parts: ${parts.join(', ')})`}`,
  );
  return `usage: npm run bench -- NAME [options]

names:
${names.join('\n')}

options:
  --data DIR    a folder laid out as shared/data; default: the bench generates its own, quality needs one
  --quick       few items and rounds, to see that it runs; the figures say little
  --only PART   one part of the bench
  --million     dedup also at a million items (minutes, 2 GB)
  --minutes N   chaos only: how long faults are injected; default 2
  --seed S      chaos only: which faults come when; default 1
  --json FILE   also write the raw results here

examples:
  npm run bench -- pipeline --data ../shared/data
  npm run bench -- pipeline --only memory --json memory.json
  npm run bench -- chaos --minutes 10 --seed 7
`;
}

process.exitCode = await main(process.argv.slice(2)).catch((cause: unknown) => {
  if (!(cause instanceof BenchRefused)) throw cause;
  process.stderr.write(`${cause.message}\n`);
  return 2;
});
