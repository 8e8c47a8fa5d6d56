// The index shards of a dataset with real journals, in this process: what a claim asks, without the rest of a node.
// Run as a program it serves them to other nodes, until it is killed.
import { pathToFileURL } from 'node:url';
import {
  carriedOn,
  defaultModel,
  FIRST_GENERATION,
  type IndexShardMessage,
  indexShardActor,
  LocalIndex,
  noMeter,
} from '#actors';
import { ensureDataset, ensureSystem, NatsLink, namesOf } from '#nats';
import { ActorSystem, silentLogger } from '#runtime';
import { parseConfig } from '../../cli/config/index.ts';
import { connectPorts } from '../../cli/node/connect-ports.ts';
import { nodeContainer } from '../../cli/node/container.ts';
import { datasetTopology, systemTopology } from '../../cli/node/dataset-topology.ts';
import { messageCodec } from '../../cli/node/message-codec.ts';
import { serveIndex } from '../../cli/node/serve-index.ts';

/** Where the servers are, and which dataset of which the shards are. */
export interface HostOptions {
  readonly url: string;
  readonly token: string;
  readonly dataset: string;
  readonly shards: number;
}

export const SYSTEM = 'troupe';

/** Under which everything is owned. */
export const EPOCH = 1;

export interface IndexHost extends AsyncDisposable {
  readonly link: NatsLink;
  readonly local: LocalIndex;
}

/** Starts the shards; they answer when it resolves. */
export async function startIndexHost({ url, token, dataset, shards }: HostOptions): Promise<IndexHost> {
  const link = await NatsLink.connect({ servers: url, token, name: 'index', log: silentLogger });
  const text = `datasets: { ${dataset}: { shards: ${shards} } }\n`;
  const parsed = parseConfig({ text, place: 'the bench', env: {} });
  const { config } = parsed;
  await ensureSystem(link, systemTopology(config));
  await ensureDataset(link, dataset, datasetTopology(config));
  const loaded = { ...parsed, dataDir: '', fileRoots: [], modelFiles: {} };
  const container = nodeContainer({ config: loaded, link, log: silentLogger, env: {} });
  const settings = config.datasets[dataset];
  if (settings === undefined) throw new Error(`the configuration has no dataset ${dataset}`);
  const ports = await connectPorts(container, dataset, settings, {
    model: await defaultModel(),
    meter: noMeter,
    tracer: carriedOn,
    fenced: (error) => {
      throw error;
    },
    emit: () => {},
    generation: FIRST_GENERATION,
    index: {
      directory: {
        node: 'index',
        route: () => undefined,
        holds: () => true,
        refresh: () => Promise.resolve(),
        moved: () => new Promise(() => {}),
      },
      peers: { ask: () => Promise.resolve(undefined) },
    },
  });
  const numbers = Array.from({ length: shards }, (_, shard) => shard);
  const children = numbers.map((shard) => indexShardActor(ports, shard, { epoch: EPOCH }));
  const root = { type: 'supervisor', id: 'root', strategy: 'one_for_one', children } as const;
  const system = await ActorSystem.start({ name: dataset, root });
  return {
    link,
    local: new LocalIndex({
      shard: (shard) => system.ref<IndexShardMessage>(`shard-${shard}`),
      holds: () => true,
    }),
    async [Symbol.asyncDispose]() {
      await system.stop();
      await link.close();
    },
  };
}

async function main(options: HostOptions): Promise<void> {
  const { link, local } = await startIndexHost(options);
  const subject = namesOf(SYSTEM).subjects.askIndex(options.dataset, 'other');
  serveIndex(link, { subject, codec: messageCodec, local });
  await link.flush();
  process.stdout.write('up\n');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await main(JSON.parse(process.argv[2] ?? '') as HostOptions);
}
