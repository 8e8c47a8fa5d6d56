// A node as Prometheus and a container platform see it, through one life: it joins, works, waits for a source that is
// down, loses its server, drains. One node for all of it; the tests follow each other.
import { readFile } from 'node:fs/promises';
import { headers as natsHeaders } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '#runtime';
import { serveNodeHttp } from '../../cli/http/node-http.ts';
import { METRICS, type Metric, PROCESS_METRICS } from '../../cli/metrics/metric-catalogue.ts';
import { readStatus } from '../../cli/node/system-status.ts';
import { IntakePublisher } from '../../cli/publish/intake-publisher.ts';
import type { Bottleneck } from '../../cli/status/bottleneck.ts';
import { DASHBOARDS } from '../../scripts/dashboards/dashboards.ts';
import { Exposition } from '../support/exposition.ts';
import { type TestPictures, testPictures } from '../support/images.ts';
import { freePort, InProcessNode } from '../support/in-process-node.ts';
import { metricsIn } from '../support/promql.ts';
import { type ScriptedHttpServer, scriptedHttpServer } from '../support/scripted-http-server.ts';

const DEADLINE_MS = 30_000;
const PICTURES = 60;
/** References to a server that does not answer yet; eight ingestors take two of them each. */
const SLOW = 24;
const IN_HAND = 16;
const ALL = PICTURES + SLOW;

let node: InProcessNode;
let pictures: TestPictures;
let downUrl: string;
let slow: ScriptedHttpServer | undefined;
let before: Exposition;
let after: Exposition;

beforeAll(async () => {
  pictures = await testPictures(PICTURES);
});

afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
  await slow?.[Symbol.asyncDispose]();
  await pictures?.[Symbol.asyncDispose]();
});

async function scrape(): Promise<Exposition> {
  const answer = await node.get('/metrics');
  expect(answer?.status).toBe(200);
  return new Exposition(answer?.body ?? '');
}

async function ready(): Promise<string | undefined> {
  const answer = await node.get('/health/ready');
  return answer && `${answer.status} ${answer.body.trim()}`;
}

async function bottleneck(): Promise<Bottleneck> {
  const [photos] = (await readStatus(await node.connect())).datasets;
  if (photos === undefined) throw new Error('expected the dataset in the status');
  return photos.bottleneck;
}

const within = (what: string) => ({ deadlineMs: DEADLINE_MS, what });
const ofCatalogue = Object.entries<Metric>(METRICS);

describe('a node that joins', () => {
  it('is alive and not ready, then ready', async () => {
    const port = await freePort();
    node = await InProcessNode.begin({
      datasets: { photos: {} },
      node: { embedding: { serve: ['troupe-tiny'], perTenant: 2 } },
      sources: {
        http: { hosts: ['127.0.0.1'], allowAddresses: ['127.0.0.0/8'], stallMs: 60_000 },
        breaker: { failures: 1, minOpenMs: 60_000 },
        rates: [],
      },
    });
    downUrl = `http://127.0.0.1:${port}/picture.jpg`;
    await node.waitFor(
      async () => (await ready()) === '503 the node is joining',
      within('it says that it joins'),
    );
    expect((await node.get('/health/live'))?.status).toBe(200);
    await node.started;
    expect(await ready()).toBe('200 ok');
    expect(JSON.parse((await node.get('/health'))?.body ?? '')).toMatchObject({
      status: 'ok',
      live: true,
      ready: true,
      notReady: [],
      problems: [],
      version: '1.2.3',
      phase: 'active',
      nats: { connected: true },
      datasets: [{ name: 'photos', shards: ['keeper', '0', '1', '2', '3'], down: [] }],
    });
  });

  it('answers for what it has, and nothing else', async () => {
    expect((await node.get('/'))?.status).toBe(404);
    const posted = await fetch(`${node.http}/metrics`, { method: 'POST', body: 'x' });
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    const probed = await fetch(`${node.http}/health/ready?from=probe`, { method: 'HEAD' });
    expect([probed.status, await probed.text()]).toEqual([200, '']);
  });

  it('refuses to start where another process listens, and says what to do', async () => {
    const port = Number(new URL(node.http).port);
    const nothing = () => {
      throw new Error('nobody asks');
    };
    const metrics = { contentType: '', text: nothing };
    const other = { host: '127.0.0.1', port, health: nothing, metrics, log: silentLogger };
    await expect(serveNodeHttp(other)).rejects.toMatchObject({
      code: 'http_unavailable',
      message: `expected a free address for node.http, got 127.0.0.1:${port}: another process listens there`,
    });
  });
});

describe('the metrics of a live node', () => {
  it('are those of the catalogue, each with its type, and those of the process that dashboards use', async () => {
    before = await scrape();
    const own = [...before.types].filter(([name]) => name.startsWith('troupe_'));
    expect(own.sort()).toEqual(ofCatalogue.map(([name, { type }]) => [name, type]).sort());
    expect(Object.keys(PROCESS_METRICS).filter((name) => !before.has(name))).toEqual([]);
  });

  it('show what waits before a stage, what is in hand, and since when', async () => {
    const picture = await readFile(pictures.items[0]?.path ?? '');
    let open = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    slow = await scriptedHttpServer({
      '/picture': (_, response) => void opened.then(() => response.end(picture)),
    });
    const { link, names } = await node.connect();
    const publisher = new IntakePublisher({ link, names, dataset: 'photos' });
    for (let at = 1; at <= SLOW; at += 1) {
      const reference = { uri: `http://127.0.0.1:${slow.port}/picture`, id: `slow-${at}` };
      await publisher.publish({ type: 'reference', reference }, AbortSignal.timeout(DEADLINE_MS));
    }
    const stage = 'intake';
    await node.waitFor(async () => {
      before = await scrape();
      return before.sum('troupe_queue_messages', { stage, state: 'ack_pending' }) === IN_HAND;
    }, within('every ingestor has something in hand'));
    expect(before.sum('troupe_queue_messages', { stage, state: 'unprocessed' })).toBe(SLOW - IN_HAND);
    expect(before.sum('troupe_queue_oldest_seconds', { stage })).toBeGreaterThan(0);
    expect(before.sum('troupe_stage_items_total', { stage })).toBe(0);
    // The same, as `troupe status` reads it: threads have nothing to do while ingestors wait for a slow server.
    let last: Bottleneck | undefined;
    await node.waitFor(
      async () => {
        last = await bottleneck();
        return last.by === 'stage';
      },
      { deadlineMs: DEADLINE_MS, what: () => `status names the stage: ${JSON.stringify(last)}` },
    );
    expect(await bottleneck()).toMatchObject({
      stage,
      unprocessed: SLOW - IN_HAND,
      change: { setting: 'node.ingestConcurrency', from: 8, to: 16 },
    });
    open();
    const files = pictures.items.map(({ id, path, source }) => ({
      id,
      path,
      ...(source !== undefined && { source }),
    }));
    await node.waitSettled(await node.publish(files));
    await node.cut();
  });

  it('move as what they count', async () => {
    await node.waitFor(async () => {
      after = await scrape();
      return after.sum('troupe_queue_messages') === 0;
    }, within('the queues are empty'));
    const moved = (name: string, labels?: Readonly<Record<string, string>>) =>
      after.sum(name, labels) - before.sum(name, labels);
    const { eligible, rejected, review, dead } = await node.verdicts();
    const { manifest } = await node.cut();
    const seen = {
      published: moved('troupe_intake_last_sequence'),
      taken: moved('troupe_stage_items_total', { stage: 'intake' }),
      left: moved('troupe_stage_hop_seconds_count', { stage: 'intake' }),
      kept: moved('troupe_stage_items_total', { stage: 'keep' }),
      oldest: after.sum('troupe_queue_oldest_seconds'),
      verdicts: ['eligible', 'rejected', 'review', 'dead'].map((verdict) =>
        moved('troupe_verdicts_total', { verdict }),
      ),
      stored: moved('troupe_dead_letters_stored'),
      spoilt: moved('troupe_dead_letters_total', { stage: 'intake', class: 'content' }),
      analysed: moved('troupe_contents_total'),
      embedded: moved('troupe_vectors_total'),
      number: after.sum('troupe_manifest_number'),
      items: ['kept', 'duplicate', 'rejected', 'review'].map((outcome) =>
        after.sum('troupe_manifest_items', { outcome }),
      ),
    };
    const corrupt = pictures.of('corrupt').length;
    expect(seen).toEqual({
      published: PICTURES,
      taken: ALL,
      left: ALL,
      kept: ALL,
      oldest: 0,
      verdicts: [eligible, rejected, review, dead],
      stored: dead,
      spoilt: corrupt,
      analysed: ALL - corrupt,
      embedded: ALL - corrupt,
      number: 1,
      items: Object.values(manifest.counts),
    });
    expect(corrupt).toBeGreaterThan(0);
    // Two messages of one content may be in hand at once, so that both see it as new.
    expect(moved('troupe_contents_total', { content: 'known' })).toBeGreaterThan(0);
    expect(moved('troupe_pairs_total', { relation: 'near' })).toBeGreaterThan(0);
    expect(after.sum('troupe_ready')).toBe(1);
    expect(after.sum('troupe_nats_connected')).toBe(1);
    expect(after.sum('troupe_cluster_nodes', { state: 'active' })).toBe(1);
    expect(after.sum('troupe_shards_owned', { actor: 'index' })).toBe(4);
    expect(after.sum('troupe_shards_owned', { actor: 'keeper' })).toBe(1);
    expect(after.sum('troupe_shard_handoffs_total', { phase: 'answering' })).toBe(5);
    expect(after.sum('troupe_accounted_bytes', { actor: 'index' })).toBeGreaterThan(0);
    expect(after.sum('troupe_accounted_bytes', { actor: 'keeper' })).toBeGreaterThan(0);
    expect(after.sum('troupe_work_workers', { part: 'intake' })).toBe(8);
    expect(moved('troupe_work_busy_seconds_total', { part: 'decode' })).toBeGreaterThan(0);
    expect(after.sum('troupe_stream_bytes', { stream: 'journal' })).toBeGreaterThan(0);
    expect(after.sum('troupe_stream_limit_bytes', { stream: 'journal' })).toBe(2 ** 30);
  });

  it('count what becomes of requests for vectors, and where these come from', async () => {
    const { link } = await node.connect();
    const [one, other] = pictures.of('scene');
    const bytes = await readFile(one?.path ?? '');
    const ask = async (data: Uint8Array, headers: Readonly<Record<string, string>> = {}) => {
      const sent = natsHeaders();
      for (const [name, value] of Object.entries(headers)) sent.set(name, value);
      return link.connection.request('troupe.embed.troupe-tiny', data, {
        timeout: DEADLINE_MS,
        headers: sent,
      });
    };
    const empty = await scrape();
    expect(empty.sum('troupe_embed_requests_total')).toBe(0);
    await ask(bytes);
    await ask(bytes);
    await ask(Buffer.from('no picture'));
    // More at once than its tenant may have under way: the third is sent away.
    const many = await readFile(other?.path ?? '');
    const answers = await Promise.all(
      ['a', 'b', 'c'].map((end) =>
        ask(Buffer.concat([many, Buffer.from(end)]), { 'Troupe-Tenant': 'eager' }),
      ),
    );
    const sentAway = answers.filter(({ headers }) => headers?.get('Nats-Service-Error-Code') === '429');
    expect(sentAway.length).toBe(1);
    const seen = await scrape();
    const requests = (outcome: string) => seen.sum('troupe_embed_requests_total', { outcome });
    const vectors = (cause: string) => seen.sum('troupe_embed_vectors_total', { cause });
    expect({
      answered: requests('answered'),
      away: requests('retry_after'),
      bad: requests('bad_request'),
      timed: seen.sum('troupe_embed_request_seconds_count'),
      memory: vectors('memory'),
      shared: vectors('shared'),
      inference: vectors('inference'),
      inferences: seen.sum('troupe_embed_batch_items_sum'),
      replicas: seen.sum('troupe_embed_replicas'),
      waiting: seen.sum('troupe_embed_waiting'),
    }).toEqual({
      answered: 4,
      away: 1,
      bad: 1,
      timed: 4,
      memory: 1,
      // The dataset had paid for this picture.
      shared: 1,
      inference: 2,
      inferences: 2,
      replicas: 1,
      waiting: 0,
    });
    expect(after.sum('troupe_embed_breakers', { model: 'troupe-tiny', state: 'closed' })).toBe(1);
    const { embedding, nodes } = await readStatus(await node.connect());
    expect(nodes[0]?.breakers).toContainEqual({
      path: 'embed-troupe-tiny/sessions',
      name: 'model troupe-tiny',
      state: 'closed',
      failures: 0,
    });
    expect(embedding).toMatchObject([
      {
        model: 'troupe-tiny',
        replicas: [expect.any(String)],
        requests: { answered: 4, retry_after: 1, bad_request: 1, failed: 0, forwarded: 0 },
      },
    ]);
  });

  it('have what each panel of the dashboards asks for', () => {
    const absent = DASHBOARDS.flatMap(({ name, rows }) =>
      rows.flat().flatMap(({ title, queries }) =>
        queries
          .flatMap(({ expr }) => metricsIn(expr))
          .filter((metric) => !after.has(metric))
          .map((metric) => `${name}, ${title}: ${metric}`),
      ),
    );
    expect(absent).toEqual([]);
  });

  it('have only labels of closed sets: nothing of an item', () => {
    const strange = after.samples.flatMap(({ name, labels }) => {
      const metric =
        METRICS[name.replace(/_(bucket|sum|count)$/, '') as keyof typeof METRICS] ??
        METRICS[name as keyof typeof METRICS];
      if (metric === undefined) return [];
      const closed: Metric['labels'] = metric.labels;
      return Object.entries(labels).flatMap(([label, value]) => {
        if (label === 'le') return [];
        const allowed = closed[label];
        const known = {
          'the datasets': 'photos',
          'the models': 'troupe-tiny',
          'this program': '1.2.3',
        } as const;
        if (allowed === undefined) return [`${name} has ${label}`];
        if (allowed === 'this node') return [];
        const isKnown = typeof allowed === 'string' ? value === known[allowed] : allowed.includes(value);
        return isKnown ? [] : [`${name} ${label}=${value}`];
      });
    });
    expect(strange).toEqual([]);
  });
});

describe('a source that is down', () => {
  it('opens a breaker, which metrics and health tell while the node stays ready', async () => {
    const { link, names } = await node.connect();
    const publisher = new IntakePublisher({ link, names, dataset: 'photos' });
    await publisher.publish(
      { type: 'reference', reference: { uri: downUrl, id: 'down' } },
      AbortSignal.timeout(DEADLINE_MS),
    );
    await node.waitFor(
      async () => (await scrape()).sum('troupe_breakers', { dependency: 'source', state: 'open' }) === 1,
      within('the breaker is open'),
    );
    const seen = await scrape();
    expect(seen.sum('troupe_breaker_openings_total', { dependency: 'source' })).toBe(1);
    const { status, ready: isReady, problems } = JSON.parse((await node.get('/health'))?.body ?? '');
    expect({ status, isReady }).toEqual({ status: 'degraded', isReady: true });
    expect(problems).toEqual([`the breaker of ${new URL(downUrl).origin} is open`]);
    await node.waitFor(async () => {
      const held = await scrape();
      return (
        held.sum('troupe_queue_messages', { stage: 'held' }) === 1 &&
        held.sum('troupe_queue_oldest_seconds', { stage: 'held' }) > 0
      );
    }, within('what waits for it is seen in the queue of what is held'));
    expect((await bottleneck()).why).toContain(`1 item waits for ${new URL(downUrl).origin}, which is down`);
  });
});

describe('a node whose server is gone', () => {
  it('is alive but not ready, and ready again when it is back', async () => {
    const { serverPid } = await node.started;
    if (serverPid === undefined) throw new Error('expected an embedded server');
    process.kill(serverPid, 'SIGKILL');
    await node.waitFor(
      async () => (await ready()) === '503 the connection to NATS is down',
      within('it says that the connection is down'),
    );
    expect((await node.get('/health/live'))?.status).toBe(200);
    expect((await scrape()).sum('troupe_nats_connected')).toBe(0);
    await node.waitFor(async () => (await ready()) === '200 ok', within('it is ready again'));
    expect((await scrape()).sum('troupe_nats_disconnects_total')).toBe(1);
  });
});

describe('a node that is told to stop', () => {
  it('is alive and not ready until it has left, then answers no more', async () => {
    const stopping = node.stop();
    expect(await ready()).toBe('503 the node is draining');
    expect(await node.get('/health/live')).toMatchObject({ status: 200 });
    await stopping;
    expect(await node.get('/health/live')).toBeUndefined();
  });
});
