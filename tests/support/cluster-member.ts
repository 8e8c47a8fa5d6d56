// The program of one cluster member in a process of its own: it joins the system on the server that is named, owns
// shards whose journals are real, and appends its name to each again and again. What happens to it is a line of JSON.
import { randomUUID } from 'node:crypto';
import { flushCompileCache } from 'node:module';
import { NatsJournal, NatsLink, NatsRecords, namesOf, serveNode } from '#nats';
import {
  ClusterNode,
  type FaultPoints,
  JournalFenced,
  parseShardKey,
  pause,
  type ShardHost,
  silentLogger,
  systemClock,
  systemRandom,
} from '#runtime';

/** What the process is told, as JSON in its first argument. */
export interface MemberOptions {
  readonly name: string;
  readonly url: string;
  readonly token: string;
  readonly system: string;
  readonly dataset: string;
  readonly shards: readonly string[];
  readonly leaseMs: number;
  /** Acts although its lease is over. */
  readonly ignoresLease: boolean;
  /** Stops itself (SIGSTOP) where it reaches this fault point first. */
  readonly stopsAt?: string;
  /** Cannot start this shard. */
  readonly failsToStart?: string;
}

const WRITE_EVERY_MS = 20;

async function main(options: MemberOptions): Promise<void> {
  const { name, url: servers, token, shards, leaseMs } = options;
  const names = namesOf(options.system);
  const link = await NatsLink.connect({ servers, token, name, log: silentLogger, reconnectWaitMs: 50 });
  const incarnation = randomUUID();
  const member = await ClusterNode.join({
    node: {
      name,
      incarnation,
      version: '1.0.0',
      codec: { lowest: 1, highest: 1 },
      weight: 1,
      leaseMs,
      started: new Date().toISOString(),
    },
    nodes: new NatsRecords(link, names.records.nodes),
    shardRecords: new NatsRecords(link, names.records.shards),
    host: journalWriter(link, options),
    shards: () => shards,
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    lost: (error) => {
      tell({ type: 'lost', error: error.name });
      if (!options.ignoresLease) process.exit(1);
    },
    onEvent: tell,
    faults: stopAt(options.stopsAt),
    lease: options.ignoresLease ? 'ignored' : 'heeded',
  });
  serveNode(link, {
    name: names.service,
    id: incarnation,
    version: '1.0.0',
    statsData: () => ({ node: name, durability: 'external', datasets: [], failingShards: member.failing }),
  });
  await member.activate();
  process.once('SIGTERM', () => {
    void member.drain(20_000).then(() => process.exit(0));
  });
}

/** A host whose shards do nothing but append. */
function journalWriter(link: NatsLink, { name, system, dataset, failsToStart }: MemberOptions): ShardHost {
  const names = namesOf(system);
  const running = new Map<string, AbortController>();
  const journal = (shard: string) =>
    new NatsJournal(link, {
      stream: names.streams.journal(dataset),
      subject: names.subjects.journal(dataset, 'index', parseShardKey(shard).shard),
    });
  const write = async (shard: string, owned: NatsJournal, end: AbortController): Promise<void> => {
    while (!end.signal.aborted) {
      try {
        await owned.append([name]);
      } catch (error) {
        if (!(error instanceof JournalFenced)) throw error;
        tell({ type: 'fenced', shard });
        running.delete(shard);
        return;
      }
      await pause(systemClock, WRITE_EVERY_MS, end.signal);
    }
  };
  return {
    lastEpoch: async (shard) => (await journal(shard).standing()).epoch,
    prepare: async (shard) => void (await journal(shard).standing()),
    start: async (shard, epoch) => {
      if (shard === failsToStart) throw new Error('a start that was made to fail');
      const owned = journal(shard);
      await owned.own(epoch);
      const end = new AbortController();
      running.set(shard, end);
      void write(shard, owned, end);
    },
    running: () => new Set(running.keys()),
    stop: async (shard) => {
      running.get(shard)?.abort();
      running.delete(shard);
    },
  };
}

function stopAt(point: string | undefined): FaultPoints {
  let stopped = false;
  return {
    reach(reached) {
      if (reached !== point || stopped) return;
      stopped = true;
      tell({ type: 'stopping', point });
      process.kill(process.pid, 'SIGSTOP');
    },
  };
}

function tell(happening: object): void {
  process.stdout.write(`${JSON.stringify(happening)}\n`);
}

// Now, since most members are killed.
flushCompileCache();
await main(JSON.parse(process.argv[2] ?? '') as MemberOptions);
