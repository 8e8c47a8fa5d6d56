// Vectors for others, as any NATS client asks for them: three replicas of which one is killed, caches that outlive nodes,
// and what is refused with a reason.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect, type Msg, type NatsConnection, headers as natsHeaders } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestPictures, testPictures } from '../support/images.ts';
import { startTestServer, type TestServer } from '../support/nats-server.ts';
import { TroupeNode } from '../support/troupe-node.ts';

const SUBJECT = 'troupe.embed.troupe-tiny';
const DIMENSION = 224;
const CLIENTS = 20;
const ANSWER_MS = 5_000;

let server: TestServer;
let client: NatsConnection;
let pictures: TestPictures;
const contents: Uint8Array[] = [];
const nodes: TroupeNode[] = [];

function up(name: string, embedding: object = {}): Promise<TroupeNode> {
  const config = {
    version: 1,
    node: { name, leaseMs: 3_000, embedding: { serve: ['troupe-tiny'], ...embedding } },
  };
  return TroupeNode.up({ server, args: ['--join', server.url], config });
}

async function ask(data: Uint8Array, options: Readonly<Record<string, string>> = {}): Promise<Msg> {
  const headers = natsHeaders();
  for (const [name, value] of Object.entries(options)) headers.set(name, value);
  return client.request(SUBJECT, data, { timeout: ANSWER_MS, headers });
}

/** As every careful caller: once more when there was no answer. */
async function askTwice(data: Uint8Array): Promise<{ readonly answer: Msg; readonly retried: boolean }> {
  try {
    return { answer: await ask(data), retried: false };
  } catch {
    return { answer: await ask(data), retried: true };
  }
}

const failureOf = ({ headers }: Msg) => ({
  code: headers?.get('Nats-Service-Error-Code') ?? '',
  error: headers?.get('Nats-Service-Error') ?? '',
});

function vectorOf(answer: Msg): Float32Array {
  expect(failureOf(answer)).toEqual({ code: '', error: '' });
  return new Float32Array(new Uint8Array(answer.data).buffer);
}

beforeAll(async () => {
  [server, pictures] = await Promise.all([startTestServer(), testPictures(60)]);
  client = await connect({ servers: server.url, token: server.token });
  for (const { path } of pictures.of('scene')) contents.push(await readFile(path));
  nodes.push(
    await TroupeNode.up({
      server,
      args: [],
      config: { version: 1, node: { name: 'first', leaseMs: 3_000, embedding: { serve: ['troupe-tiny'] } } },
    }),
  );
  nodes.push(...(await Promise.all([up('second'), up('third')])));
});

afterAll(async () => {
  await client?.close();
  await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
  await server?.[Symbol.asyncDispose]();
  await pictures?.[Symbol.asyncDispose]();
});

describe('a request for a vector', () => {
  it('is answered with a unit vector, the content it is of, the model that made it and where it came from', async () => {
    const [content = new Uint8Array()] = contents;
    const answer = await ask(content);
    const vector = vectorOf(answer);
    expect(vector).toHaveLength(DIMENSION);
    expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
    expect(answer.headers?.get('Troupe-Content')).toBe(createHash('sha256').update(content).digest('hex'));
    expect(answer.headers?.get('Troupe-Model')).toMatch(/^[0-9a-f]{64}\/[0-9a-f]{64}\/f32$/);
    expect(answer.headers?.get('Troupe-Cause')).toBe('inference');
    const again = await ask(content);
    expect(vectorOf(again)).toEqual(vector);
    expect(again.headers?.get('Troupe-Cause')).toMatch(/^(memory|shared)$/);
  });

  it('is answered as JSON to who accepts that', async () => {
    const answer = await ask(contents[0] as Uint8Array, { Accept: 'application/json' });
    const { vector, content } = JSON.parse(answer.string()) as { vector: number[]; content: string };
    expect(vector).toHaveLength(DIMENSION);
    expect(content).toBe(answer.headers?.get('Troupe-Content'));
  });

  it('is refused with its reason when it is no picture', async () => {
    expect(failureOf(await ask(new Uint8Array()))).toMatchObject({ code: '400' });
    const refused = failureOf(await ask(Buffer.from('this is no picture')));
    expect(refused.code).toBe('400');
    expect(refused.error).toMatch(/^(corrupt_image|unsupported_media_type): /);
  });

  it('is answered for all of twenty clients while one of three replicas is killed, with one retry at most', async () => {
    const rounds = 6;
    let answered = 0;
    const killAfter = CLIENTS;
    let killed: Promise<unknown> | undefined;
    const clients = Array.from({ length: CLIENTS }, async (_, at) => {
      for (let round = 0; round < rounds; round++) {
        const content = contents[(at + round * CLIENTS) % contents.length] as Uint8Array;
        const { answer } = await askTwice(content);
        expect(vectorOf(answer)).toHaveLength(DIMENSION);
        answered += 1;
        if (answered === killAfter) {
          nodes[2]?.signal('SIGKILL');
          killed = nodes[2]?.ended();
        }
      }
    });
    await Promise.all(clients);
    await killed;
    expect(answered).toBe(CLIENTS * rounds);
  });

  it('is answered from what all nodes share, also by a node that has just started', async () => {
    for (const node of nodes.splice(0)) await node[Symbol.asyncDispose]();
    nodes.push(await up('later'));
    for (const content of contents) {
      expect((await ask(content)).headers?.get('Troupe-Cause')).toBe('shared');
    }
    for (const content of contents) {
      expect((await ask(content)).headers?.get('Troupe-Cause')).toBe('memory');
    }
  });

  it('is refused with the time after which to ask again when its tenant has all of its requests under way', async () => {
    for (const node of nodes.splice(0)) await node[Symbol.asyncDispose]();
    nodes.push(await up('narrow', { perTenant: 1, memory: 0 }));
    const fresh = await testPictures(40, 9);
    const bodies = await Promise.all(fresh.of('scene').map(({ path }) => readFile(path)));
    await fresh[Symbol.asyncDispose]();
    const answers = await Promise.all(bodies.map((body) => ask(body, { 'Troupe-Tenant': 'greedy' })));
    const refused = answers.filter((answer) => failureOf(answer).code === '429');
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThan(answers.length);
    for (const { headers } of refused) expect(Number(headers?.get('Retry-After-Ms'))).toBeGreaterThan(0);
    expect(failureOf(await ask(bodies[0] as Uint8Array, { 'Troupe-Tenant': 'other' })).code).toBe('');
  });
});
