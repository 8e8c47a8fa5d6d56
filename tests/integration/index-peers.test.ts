// Shards of other nodes over a real nats-server: what becomes of a request when its node answers, is not there, says
// nothing, or has more to say than fits a message.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type IndexRequest, type IndexShardMessage, LocalIndex } from '#actors';
import { NatsLink, namesOf } from '#nats';
import { type ActorSpec, ActorSystem, silentLogger, systemClock, systemRandom } from '#runtime';
import { NatsIndexPeers } from '../../cli/node/index-peers.ts';
import { messageCodec } from '../../cli/node/message-codec.ts';
import { serveIndex } from '../../cli/node/serve-index.ts';
import { startTestServer, type TestServer } from '../support/nats-server.ts';

const { signal } = new AbortController();
const subjects = namesOf('troupe').subjects;
const subject = (node: string) => subjects.askIndex('photos', node);

let server: TestServer;
let link: NatsLink;
let system: ActorSystem;

beforeAll(async () => {
  server = await startTestServer();
  link = await NatsLink.connect({
    servers: server.url,
    token: server.token,
    name: 'test',
    log: silentLogger,
  });
  const root = { type: 'supervisor', id: 'root', strategy: 'one_for_one', children: [chattyShard] } as const;
  system = await ActorSystem.start({ name: 'test', root });
});

afterAll(async () => {
  await system?.stop();
  await link?.close();
  await server?.[Symbol.asyncDispose]();
});

/** Answers each query with as many neighbours as its content says. */
const chattyShard: ActorSpec<IndexShardMessage> = {
  type: 'actor',
  id: 'shard-0',
  start: () => ({
    receive: (message) => {
      if (message.type === 'insert') message.reply.ok({ epoch: 7, value: null });
      if (message.type !== 'query') return;
      const slices = message.query.slices.map(({ content }) =>
        Array.from({ length: Number(content) }, (_, at) => ({
          content: `${at}`.padStart(64, '0'),
          distances: {},
          similarity: null,
        })),
      );
      message.reply.ok({ epoch: 7, value: { slices, buckets: [] } });
    },
  }),
};

function peersOf(): NatsIndexPeers {
  return new NatsIndexPeers({
    dataset: 'photos',
    link,
    codec: messageCodec,
    subject,
    members: () => ['there', 'silent', 'nobody'],
    clock: systemClock,
    random: systemRandom,
    emit: () => {},
  });
}

function serve(node: string): () => void {
  const local = new LocalIndex({ shard: () => system.ref('shard-0'), holds: () => true });
  return serveIndex(link, { subject: subject(node), codec: messageCodec, local });
}

const queryOf = (...counts: readonly number[]): IndexRequest => ({
  op: 'query',
  slices: counts.map((count) => ({ content: String(count), hashes: {} })),
  parts: [{ shard: 0, keys: [] }],
});

describe('a request to the shards of another node', () => {
  it('is answered as they answer', async () => {
    const end = serve('there');
    const peers = peersOf();
    const insert: IndexRequest = { op: 'insert', parts: [{ shard: 0, slices: [], keys: [] }] };
    expect(await peers.ask('there', insert, signal)).toEqual([{ shard: 0, epoch: 7, value: null }]);
    const [reply] = (await peers.ask('there', queryOf(2, 0), signal)) ?? [];
    expect(reply).toMatchObject({
      shard: 0,
      epoch: 7,
      value: { slices: [[{ distances: {} }, { distances: {} }], []] },
    });
    expect(peers.snapshot()).toMatchObject([{ name: 'node there', state: 'closed' }]);
    end();
  });

  it('comes back whole when the answer fits no message', async () => {
    const end = serve('there');
    const counts = [60_000, 1, 60_000, 60_000];
    const [reply] = (await peersOf().ask('there', queryOf(...counts), signal)) ?? [];
    const value = reply !== undefined && 'epoch' in reply ? reply.value : null;
    if (value === null || value === 'removed') throw new Error('expected what a query found');
    expect(value.slices.map(({ length }) => length)).toEqual(counts);
    end();
  });

  it('to a node that is not there opens its breaker after three, which then holds back the next', async () => {
    const peers = peersOf();
    for (let at = 0; at < 3; at++) expect(await peers.ask('nobody', queryOf(1), signal)).toBeUndefined();
    expect(peers.snapshot()).toMatchObject([{ name: 'node nobody', state: 'open', failures: 3 }]);
    let asked = 0;
    const end = link.serve(subject('nobody'), async () => {
      asked += 1;
      return new Uint8Array();
    });
    expect(await peers.ask('nobody', queryOf(1), signal)).toBeUndefined();
    expect(asked).toBe(0);
    end();
  });

  it('to a node that says nothing ends unanswered', async () => {
    const end = link.serve(subject('silent'), () => new Promise(() => {}));
    const peers = peersOf();
    expect(await peers.ask('silent', queryOf(1), signal)).toBeUndefined();
    expect(peers.snapshot()).toMatchObject([{ name: 'node silent', failures: 1 }]);
    end();
  });

  it('that the node could not handle ends unanswered, and its breaker tells why', async () => {
    const end = link.serve(subject('there'), () => Promise.reject(new Error('no such dataset')));
    const peers = peersOf();
    expect(await peers.ask('there', queryOf(1), signal)).toBeUndefined();
    const [breaker] = peers.snapshot();
    expect(breaker?.lastFailure?.message).toContain('no such dataset');
    end();
  });
});
