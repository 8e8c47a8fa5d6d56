// Items a second from intake to ledger, beside the same work in one bare loop with the same worker threads. Rounds
// alternate, so that a change of the machine's speed hits both; each run's work is counted before it counts.
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256Hex } from '#actors';
import { silentLogger } from '#runtime';
import { parseConfig } from '../cli/config/index.ts';
import { audit } from '../cli/node/audit.ts';
import { ClientSystem } from '../cli/node/client-system.ts';
import { tuneCollector } from '../cli/node/collector.ts';
import { LaptopSystem } from '../cli/node/laptop-system.ts';
import { type BareLoop, startBareLoop } from './bare-loop.ts';
import { type Bench, type BenchOptions, type Metrics, metricOf } from './contract.ts';
import { type CpuSplit, watchCpu, watchThreads } from './cpu-time.ts';
import { memoryGrowth } from './memory-growth.ts';
import { noopPipeline } from './noop/noop.ts';
import { photoInput } from './photo-input.ts';

const DATASET = 'photos';
const POLL_MS = 50;
/** Contents before the clock starts, other than the measured ones: threads of both sides have compiled their code. */
const WARM_UP = 64;

interface Round {
  readonly itemsPerS: number;
  /** Share of all cores that were busy with it. */
  readonly cpu: number;
  readonly split: CpuSplit;
}

export const pipelineBench: Bench = {
  parts: ['speed', 'noop', 'memory'],
  run: async (options) => {
    const wanted = (part: string) => options.only === undefined || options.only === part;
    return {
      ...(wanted('speed') && (await speed(options))),
      ...(wanted('noop') && (await noopPipeline(options))),
      ...(wanted('memory') && (await growth(options))),
    };
  },
};

function growth({ quick, note }: BenchOptions): Promise<Metrics> {
  return memoryGrowth(quick ? { first: 300, last: 1_200 } : { first: 2_000, last: 20_000 }, note);
}

async function speed(options: BenchOptions): Promise<Metrics> {
  const folder = await mkdtemp(join(tmpdir(), 'troupe-bench-'));
  try {
    const count = options.quick ? 240 : 1200;
    const rounds = options.quick ? 2 : 5;
    const decodeThreads = cpus().length;
    const input = { data: options.data, folder: join(folder, 'input'), count: count + WARM_UP };
    const all = await photoInput(input);
    const [contents, warmUp] = [all.slice(0, count), all.slice(count)];
    tuneCollector(); // as every node does, so that the bare loop has it from its first round
    const bare = await startBareLoop(decodeThreads);
    try {
      return await compare({ options, folder, contents, warmUp, rounds, decodeThreads, bare });
    } finally {
      await bare.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function compare(run: {
  readonly options: BenchOptions;
  readonly folder: string;
  readonly contents: readonly Uint8Array[];
  readonly warmUp: readonly Uint8Array[];
  readonly rounds: number;
  readonly decodeThreads: number;
  readonly bare: BareLoop;
}): Promise<Metrics> {
  const bareRounds: Round[] = [];
  const pipelineRounds: Round[] = [];
  const stages = new Map<string, number>();
  for (let round = 0; round < run.rounds; round++) {
    await run.bare.run(run.warmUp);
    bareRounds.push(await bareRound(run.bare, run.contents));
    const measured = await pipelineRound(join(run.folder, `round-${round}`), run);
    pipelineRounds.push(measured);
    for (const [stage, busyMs] of measured.busyMs) stages.set(stage, (stages.get(stage) ?? 0) + busyMs);
    const [a, b] = [bareRounds.at(-1), pipelineRounds.at(-1)];
    run.options.note(
      `round ${round + 1}: bare loop ${a?.itemsPerS.toFixed(1)} items/s at ${percent(a?.cpu)} CPU, ` +
        `pipeline ${b?.itemsPerS.toFixed(1)} items/s at ${percent(b?.cpu)} CPU`,
    );
  }
  const items = run.contents.length * run.rounds;
  const where = [...stages].map(([stage, busyMs]) => `${stage} ${(busyMs / items).toFixed(1)}`);
  run.options.note(`busy ms an item by stage: ${where.join(', ')}`);
  run.options.note(
    `CPU ms an item: bare loop ${spent(bareRounds, items)}; pipeline ${spent(pipelineRounds, items)}`,
  );
  const ratios = pipelineRounds.map(
    ({ itemsPerS }, at) => itemsPerS / (bareRounds[at]?.itemsPerS ?? Number.NaN),
  );
  return {
    'pipeline.items_per_s': metricOf(
      pipelineRounds.map(({ itemsPerS }) => itemsPerS),
      'items/s',
    ),
    'pipeline.bare_items_per_s': metricOf(
      bareRounds.map(({ itemsPerS }) => itemsPerS),
      'items/s',
    ),
    'pipeline.ratio': metricOf(ratios, '', 'the bare loop of the same round'),
    'pipeline.cpu': metricOf(
      pipelineRounds.map(({ cpu }) => cpu),
      'of all cores, nats-server included',
    ),
    'pipeline.bare_cpu': metricOf(
      bareRounds.map(({ cpu }) => cpu),
      'of all cores',
    ),
  };
}

async function bareRound(bare: BareLoop, contents: readonly Uint8Array[]): Promise<Round> {
  const cpu = await watchCpu([]);
  const split = await watchThreads(undefined);
  const startedMs = performance.now();
  const done = await bare.run(contents);
  if (done !== contents.length) throw new Error(`the bare loop embedded ${done} of ${contents.length}`);
  const seconds = (performance.now() - startedMs) / 1000;
  return { itemsPerS: contents.length / seconds, cpu: await cpu(), split: await split() };
}

async function pipelineRound(
  dataDir: string,
  run: {
    readonly contents: readonly Uint8Array[];
    readonly warmUp: readonly Uint8Array[];
    readonly decodeThreads: number;
  },
): Promise<Round & { readonly busyMs: ReadonlyMap<string, number> }> {
  const text = `node: { decodeThreads: ${run.decodeThreads} }\n`;
  const parsed = parseConfig({ text, place: 'the bench', env: {} });
  const system = await LaptopSystem.start({
    config: { ...parsed, dataDir, fileRoots: [], modelFiles: {} },
    log: silentLogger,
    env: {},
    version: '0.0.0',
  });
  try {
    const client = new ClientSystem({ link: system.link, names: system.names, timeoutMs: 60_000 });
    await publishAll(client, run.warmUp);
    await settled(client, run.warmUp.length);
    const warm = busyTotals(system);
    const cpu = await watchCpu(system.serverPid === undefined ? [] : [system.serverPid]);
    const split = await watchThreads(system.serverPid);
    const startedMs = performance.now();
    await publishAll(client, run.contents);
    await settled(client, run.warmUp.length + run.contents.length);
    const seconds = (performance.now() - startedMs) / 1000;
    const used = await cpu();
    const spent = await split();
    const report = await audit(client, DATASET);
    const { eligible, rejected, review } = report.verdicts;
    if (!report.balanced || eligible + rejected + review !== run.warmUp.length + run.contents.length) {
      throw new Error(
        `the pipeline settled ${JSON.stringify(report.verdicts)} of ${run.contents.length} items and the warm-up`,
      );
    }
    const busyMs = new Map(
      [...busyTotals(system)].map(([stage, totalMs]) => [stage, totalMs - (warm.get(stage) ?? 0)]),
    );
    return { itemsPerS: run.contents.length / seconds, cpu: used, split: spent, busyMs };
  } finally {
    await system.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

function busyTotals(system: LaptopSystem): ReadonlyMap<string, number> {
  const totals = Object.entries(system.node.stageTotals(DATASET));
  return new Map(totals.map(([stage, { busyMs }]) => [stage, busyMs]));
}

async function publishAll({ link, names }: ClientSystem, contents: readonly Uint8Array[]): Promise<void> {
  const subject = names.subjects.intake(DATASET);
  const publish = (data: Uint8Array) =>
    link.publisher.publish({ subject, data, id: sha256Hex(data), headers: { 'Content-Type': 'image/jpeg' } });
  for (let at = 0; at < contents.length; at += 32)
    await Promise.all(contents.slice(at, at + 32).map(publish));
}

async function settled(client: ClientSystem, count: number): Promise<void> {
  for (;;) {
    const { missing } = await client.keeper(DATASET).settled(count);
    if (missing.count === 0) return;
    await new Promise<void>((resolve) => {
      client.link.clock.schedule(POLL_MS, resolve);
    });
  }
}

/** CPU time an item over all rounds, by who spent it. */
function spent(rounds: readonly Round[], items: number): string {
  const total = (part: keyof CpuSplit) => rounds.reduce((sum, { split }) => sum + split[part], 0) / items;
  return (
    `event loop ${total('eventLoopMs').toFixed(1)}, collector ${total('collectorMs').toFixed(1)}, ` +
    `threads ${total('threadsMs').toFixed(1)}, ` +
    `nats-server ${total('otherMs').toFixed(1)}`
  );
}

function percent(share: number | undefined): string {
  return `${((share ?? 0) * 100).toFixed(0)} %`;
}
