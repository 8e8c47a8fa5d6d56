// What a claim costs when its shards are on another node, beside the same claim in this process: 32 contents inserted,
// each acknowledged by its shard's journal, then queried, as a desk does for a batch. Both take turns.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { IndexRequest, IndexValue, ShardReply } from '#actors';
import { NatsRecords, namesOf } from '#nats';
import { systemClock, systemRandom } from '#runtime';
import { planInserts } from '../../actors/dedup/claim.ts';
import { NatsIndexPeers } from '../../cli/node/index-peers.ts';
import { messageCodec } from '../../cli/node/message-codec.ts';
import { startTestServer } from '../../tests/support/nats-server.ts';
import { type BenchOptions, type Metrics, metricOf } from '../contract.ts';
import { quantile } from './hand-offs.ts';
import { SYSTEM, startIndexHost } from './index-host.ts';

const PROGRAM = fileURLToPath(new URL('./index-host.ts', import.meta.url));
const SHARDS = 4;
const BATCH = 32;

export async function claimCost({ quick, note }: BenchOptions): Promise<Metrics> {
  const claims = quick ? 100 : 500;
  await using server = await startTestServer();
  const { url, token } = server;
  await using here = await startIndexHost({ url, token, dataset: 'here', shards: SHARDS });
  const options = { url, token, dataset: 'there', shards: SHARDS };
  const other = spawn(process.execPath, [PROGRAM, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await new Promise<void>((resolve, reject) => {
      other.stdout.once('data', () => resolve());
      other.once('exit', (code) => reject(new Error(`the other node ended with ${code}`)));
    });
    const signal = new AbortController().signal;
    const { subjects, records } = namesOf(SYSTEM);
    const peers = new NatsIndexPeers({
      dataset: 'there',
      link: here.link,
      codec: messageCodec,
      subject: (node) => subjects.askIndex('there', node),
      members: () => ['other'],
      clock: systemClock,
      random: systemRandom,
      emit: () => {},
    });
    const local = (request: IndexRequest) => here.local.answer(request, { timeoutMs: 20_000, signal });
    const remote = (request: IndexRequest) => peers.ask('other', request, signal);
    const shardRecords = new NatsRecords(here.link, records.shards);
    const localMs: number[] = [];
    const remoteMs: number[] = [];
    const readMs: number[] = [];
    // The first tenth compiles the code.
    for (let round = -Math.floor(claims / 10); round < claims; round++) {
      const contents = Array.from({ length: BATCH }, (_, at) => contentOf(`${round} ${at}`));
      const one = await timed(() => claim(local, contents));
      const two = await timed(() => claim(remote, contents));
      const three = await timed(() => shardRecords.changes(0));
      if (round < 0) continue;
      localMs.push(one);
      remoteMs.push(two);
      readMs.push(three);
    }
    const more = remoteMs.map((ms, at) => ms - (localMs[at] ?? 0));
    note(
      `p99 of a claim: ${quantile(localMs, 0.99).toFixed(2)} ms here, ${quantile(remoteMs, 0.99).toFixed(2)} there`,
    );
    return {
      'cluster.claim_local_ms': metricOf(localMs, `ms a claim of ${BATCH}`),
      'cluster.claim_remote_ms': metricOf(
        remoteMs,
        `ms a claim of ${BATCH}`,
        'the same claim in this process',
      ),
      'cluster.claim_crossing_ms': metricOf(more, 'ms more, two requests'),
      'cluster.claim_read_ms': metricOf(readMs, 'ms to read the records from their leader'),
    };
  } finally {
    other.kill('SIGKILL');
  }
}

async function timed(action: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await action();
  return performance.now() - startedMs;
}

type Ask = (request: IndexRequest) => Promise<readonly ShardReply[] | undefined>;

/** Both rounds of a claim. @throws unless every shard answered and every query has an answer */
async function claim(ask: Ask, contents: readonly Content[]): Promise<void> {
  const inserts = [...planInserts(contents, SHARDS)].map(([shard, part]) => ({ shard, ...part }));
  const inserted = await ask({ op: 'insert', parts: inserts });
  if (inserted?.every((reply) => 'epoch' in reply) !== true) throw new Error('an insert was not answered');
  const parts = Array.from({ length: SHARDS }, (_, shard) => ({ shard, keys: [] }));
  const found = await ask({ op: 'query', slices: contents, parts });
  if (found?.every((reply) => 'epoch' in reply && isWhole(reply.value)) !== true) {
    throw new Error('a query was not answered');
  }
}

function isWhole(value: IndexValue): boolean {
  return value !== null && value !== 'removed' && value.slices.length === BATCH;
}

interface Content {
  readonly content: string;
  readonly hashes: Readonly<Record<string, string>>;
}

function contentOf(name: string): Content {
  const content = createHash('sha256').update(name).digest('hex');
  return { content, hashes: { phash: content.slice(0, 16), dhash: content.slice(16, 32) } };
}
