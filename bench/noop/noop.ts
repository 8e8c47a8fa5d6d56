// Items a second where handlers do nothing, so that messages are all there is to it: five durable stages of the pipeline
// on nats-server beside the same five in BullMQ on Redis, both as durable as the other. Rounds alternate; each side is one
// warm process, and its server another one.
import { type BenchOptions, type Metrics, metricOf } from '../contract.ts';
import { watchProcesses } from '../cpu-time.ts';
import { NoopClient } from './client.ts';
import { startNatsServer, startRedis } from './durable-servers.ts';
import { fastest, type NoopAnswer, type NoopTuning } from './protocol.ts';
import { findRedis } from './redis-program.ts';

const PAYLOAD_BYTES = 256;
const TROUPE_BATCHES = [64, 128, 256];
const BULLMQ_CONCURRENCIES = [16, 64, 256, 1_024];

interface Side {
  readonly name: 'Troupe' | 'BullMQ';
  readonly client: NoopClient;
  readonly serverPid: number;
  readonly choices: readonly NoopTuning[];
}

interface Tuned extends Side {
  readonly tuning: NoopTuning;
}

interface Round extends NoopAnswer {
  readonly serverCpuMs: number;
}

/** Both sides, or ours alone where no Redis can be had. */
export async function noopPipeline(options: BenchOptions): Promise<Metrics> {
  await using stack = new AsyncDisposableStack();
  const sides = [await troupe(stack, options), await bullmq(stack, options)].filter(
    (side) => side !== undefined,
  );
  const items = options.quick ? 2_000 : 20_000;
  const tuned: Tuned[] = [];
  for (const side of sides) tuned.push(await tune(side, items, options));
  const rounds = new Map<Side['name'], Round[]>(tuned.map(({ name }) => [name, []]));
  for (let round = 0; round < (options.quick ? 2 : 7); round++) {
    for (const side of tuned) {
      const played = await play(side, `round-${round}`, items, side.tuning);
      rounds.get(side.name)?.push(played);
      options.note(`round ${round + 1}: ${side.name} ${described(played, items)}`);
    }
  }
  return metricsOf(rounds.get('Troupe') ?? [], rounds.get('BullMQ'), items);
}

async function troupe(stack: AsyncDisposableStack, { note }: BenchOptions): Promise<Side> {
  const { server, url, token, version } = await startNatsServer();
  stack.use(server);
  note(`Troupe on nats-server ${version}: file storage, sync_interval 1s`);
  const client = stack.use(new NoopClient('troupe-client.ts', [url, token]));
  const choices = TROUPE_BATCHES.map((atOnce) => ({ name: `batches of ${atOnce}`, atOnce }));
  return { name: 'Troupe', client, serverPid: server.pid, choices };
}

async function bullmq(stack: AsyncDisposableStack, { note }: BenchOptions): Promise<Side | undefined> {
  const redis = await findRedis();
  if ('why' in redis) {
    note(`no Redis can be had here, so there is nothing to compare with: ${redis.why}`);
    return undefined;
  }
  const server = stack.use(await startRedis(redis));
  note(`BullMQ on Redis ${redis.version}: appendonly yes, appendfsync everysec`);
  const client = stack.use(new NoopClient('bullmq-client.ts', [String(server.port)]));
  const choices = BULLMQ_CONCURRENCIES.map((atOnce) => ({ name: `concurrency ${atOnce}`, atOnce }));
  return { name: 'BullMQ', client, serverPid: server.pid, choices };
}

/** Each choice once cold, then once for the clock. */
async function tune(side: Side, items: number, { note }: BenchOptions): Promise<Tuned> {
  const tried: (Round & { readonly tuning: NoopTuning })[] = [];
  for (const pass of ['cold', 'tune']) {
    for (const [at, tuning] of side.choices.entries()) {
      const played = await play(side, `${pass}-${at}`, items / 2, tuning);
      if (pass === 'tune') tried.push({ ...played, tuning });
    }
  }
  const told = tried.map(({ seconds, tuning }) => `${tuning.name} ${(items / 2 / seconds).toFixed(0)}/s`);
  const { tuning } = fastest(tried);
  note(`${side.name}: ${told.join(', ')}; taken: ${tuning.name}`);
  return { ...side, tuning };
}

async function play(side: Side, round: string, items: number, tuning: NoopTuning): Promise<Round> {
  const serverCpu = await watchProcesses([side.serverPid]);
  const answer = await side.client.run({ round, items, payloadBytes: PAYLOAD_BYTES, tuning });
  return { ...answer, serverCpuMs: await serverCpu() };
}

function described({ seconds, cpuMs, serverCpuMs }: Round, items: number): string {
  const each = (ms: number) => `${((ms * 1000) / items).toFixed(0)} µs`;
  return `${(items / seconds).toFixed(0)} items/s, CPU an item: client ${each(cpuMs)}, server ${each(serverCpuMs)}`;
}

function metricsOf(ours: readonly Round[], theirs: readonly Round[] | undefined, items: number): Metrics {
  const rates = (rounds: readonly Round[]) => rounds.map(({ seconds }) => items / seconds);
  const cpu = (rounds: readonly Round[]) =>
    rounds.map(({ cpuMs, serverCpuMs }) => ((cpuMs + serverCpuMs) * 1000) / items);
  const metrics = {
    'pipeline.noop_items_per_s': metricOf(rates(ours), 'items/s'),
    'pipeline.noop_cpu_us': metricOf(cpu(ours), 'µs of CPU an item, nats-server included'),
  };
  if (theirs === undefined) return metrics;
  const ratios = rates(ours).map((rate, at) => rate / (rates(theirs)[at] ?? Number.NaN));
  return {
    ...metrics,
    'pipeline.bullmq_items_per_s': metricOf(rates(theirs), 'items/s'),
    'pipeline.bullmq_cpu_us': metricOf(cpu(theirs), 'µs of CPU an item, Redis included'),
    'pipeline.bullmq_ratio': metricOf(ratios, '', 'BullMQ in the same round'),
  };
}
