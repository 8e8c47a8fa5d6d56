// `npm run bench -- NAME [--data DIR] [--quick] [--million] [--json FILE]`: runs one benchmark of the contract and prints its
// metrics with their spread; raw results go to FILE.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { actorsBench } from './actors.ts';
import { type Bench, type BenchOptions, BenchRefused, describeRun, formatMetrics } from './contract.ts';
import { dedupBench } from './dedup.ts';
import { pipelineBench } from './pipeline.ts';
import { qualityBench } from './quality.ts';

const BENCHES: Readonly<Record<string, Bench>> = {
  actors: actorsBench,
  dedup: dedupBench,
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
      million: { type: 'boolean', default: false },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const [name] = positionals;
  const bench = name !== undefined && Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
  if (values.help || name === undefined || bench === undefined) {
    process.stdout.write(
      `usage: npm run bench -- NAME [--data DIR] [--quick] [--million] [--json FILE]\nnames: ${Object.keys(BENCHES).join(', ')}\n`,
    );
    return values.help ? 0 : 2;
  }
  const options: BenchOptions = {
    quick: values.quick,
    million: values.million,
    ...(values.data !== undefined && { data: values.data }),
    note: (line) => process.stderr.write(`${line}\n`),
  };
  const result = { bench: name, ...(await describeRun()), metrics: await bench(options) };
  process.stdout.write(`${formatMetrics(result)}\n`);
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(result, undefined, 2)}\n`);
  return 0;
}

process.exitCode = await main(process.argv.slice(2)).catch((cause: unknown) => {
  if (!(cause instanceof BenchRefused)) throw cause;
  process.stderr.write(`${cause.message}\n`);
  return 2;
});
