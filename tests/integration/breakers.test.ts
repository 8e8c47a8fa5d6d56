// Dependencies that go away for real, and come back: a web server whose port is closed, a model whose thread hangs.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { BreakerSnapshot } from '#runtime';
import { IntakePublisher } from '../../cli/publish/intake-publisher.ts';
import { picture } from '../support/hostile-bytes.ts';
import { InProcessDataset } from '../support/in-process-dataset.ts';
import { type Answer, type ScriptedHttpServer, scriptedHttpServer } from '../support/scripted-http-server.ts';
import { TroupeProcess } from '../support/troupe-process.ts';
import { TroupeSystem } from '../support/troupe-system.ts';
import { until } from './nats-harness.ts';

/** Longest that an outage takes to be noticed and to be over. */
const SETTLE_MS = 60_000;

const servers: ScriptedHttpServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server[Symbol.asyncDispose]();
});

async function picturesOf(name: string, count: number): Promise<Record<string, Answer>> {
  const answers: Record<string, Answer> = {};
  for (let at = 0; at < count; at++) {
    const bytes = await picture(`${name}-${at}`).jpeg().toBuffer();
    answers[`/${name}-${at}.jpg`] = (_, response) => void response.end(bytes);
  }
  return answers;
}

async function webServer(answers: Record<string, Answer>, port = 0): Promise<ScriptedHttpServer> {
  const server = await scriptedHttpServer(answers, '127.0.0.1', port);
  servers.push(server);
  return server;
}

interface SeenStatus {
  readonly nodes: readonly { readonly breakers: readonly BreakerSnapshot[] }[];
  readonly problems: readonly string[];
}

async function statusOf(system: TroupeSystem): Promise<SeenStatus & { readonly code: number | null }> {
  const { code, stdout } = await system.command('status', '--json');
  return { code, ...(JSON.parse(stdout) as SeenStatus) };
}

describe('a web server that is down', () => {
  it('keeps its items waiting and nobody else, is seen in status and events, and loses nothing when it is back', async () => {
    const answers = await picturesOf('away', 30);
    const away = await scriptedHttpServer(answers);
    await away[Symbol.asyncDispose]();
    const there = await webServer(await picturesOf('there', 10));
    await using system = await TroupeSystem.up({
      config: {
        version: 1,
        node: { name: 'n1' },
        sources: {
          http: { hosts: ['127.0.0.1'], allowAddresses: ['127.0.0.1'] },
          breaker: { failures: 3, minOpenMs: 200, maxOpenMs: 1_000 },
        },
      },
    });
    const follow = (...args: readonly string[]) =>
      new TroupeProcess({ args, cwd: system.folder, env: system.env, limitMs: 120_000 });
    const linesOf = ({ stdout }: { readonly stdout: string }) => stdout.split('\n').slice(0, -1);
    const watcher = follow('status', '--watch', '--interval', '200ms', '--json');
    const follower = follow('events', '--since', '1h', '--node', 'n1', '--actor', 'photos/i*', '--json');
    await system.waitFor(() => linesOf(watcher).length > 1 && linesOf(follower).length > 5, {
      deadlineMs: 30_000,
      what: 'both show what was before',
    });
    const { link, names } = await system.connect();
    const publisher = new IntakePublisher({ link, names, dataset: 'photos' });
    const place = `http://127.0.0.1:${away.port}`;
    let through = 0;
    for (let at = 0; at < 30; at++) {
      const uris = [`${place}/away-${at}.jpg`];
      if (at < 10) uris.push(`http://127.0.0.1:${there.port}/there-${at}.jpg`);
      for (const uri of uris) {
        const reference = { uri, id: uri };
        through = (await publisher.publish({ type: 'reference', reference })).sequence;
      }
    }
    await system.waitSettled(through, { atLeast: 10 });
    const breakerOf = (status: SeenStatus) => status.nodes[0]?.breakers.find(({ name }) => name === place);
    let status = await statusOf(system);
    await system.waitFor(
      async () => {
        status = await statusOf(system);
        return breakerOf(status)?.state === 'open';
      },
      { deadlineMs: 30_000, what: 'the breaker is open' },
    );
    expect(status.code).toBe(1);
    expect(status.problems.join()).toContain(place);
    expect((await system.command('status')).stdout).toContain(place);
    let waiting = await system.audit();
    await system.waitFor(
      async () => {
        waiting = await system.audit();
        return waiting.pending.held === 30;
      },
      { deadlineMs: 30_000, what: () => `all 30 are held (${waiting.pending.held} are)` },
    );
    expect(waiting).toMatchObject({ balanced: true, verdicts: { dead: 0 } });

    const back = await webServer(answers, away.port);
    await system.waitSettled(through);
    expect(await system.verdicts()).toMatchObject({ dead: 0 });
    expect(await system.audit()).toMatchObject({ balanced: true, verdicts: { dead: 0 } });
    expect(back.requests).toHaveLength(30);
    status = await statusOf(system);
    expect(breakerOf(status)).toMatchObject({ state: 'closed', failures: 0 });
    expect(status).toMatchObject({ code: 0, problems: [] });

    await system.waitFor(() => linesOf(follower).some((line) => line.includes('"state":"closed"')), {
      deadlineMs: 30_000,
      what: 'the follower has seen that it closed',
    });
    const states = linesOf(watcher).map((line) => breakerOf(JSON.parse(line) as SeenStatus)?.state);
    expect(states).toContain(undefined);
    expect(states).toContain('open');
    const seen = linesOf(follower).map((line) => JSON.parse(line) as { type: string; path: string });
    expect(seen.filter(({ path }) => !path.startsWith('photos/i'))).toEqual([]);
    const changes = seen.filter(({ type }) => type === 'breaker');
    expect(changes[0]).toMatchObject({ name: place, state: 'open', node: 'n1', dataset: 'photos' });
    expect(changes.at(-1)).toMatchObject({ name: place, state: 'closed' });
    for (const each of [watcher, follower]) {
      each.signal('SIGTERM');
      expect(await each.ended).toEqual({ code: 0, signal: null });
    }
    const last = await system.command(
      'events',
      '--since',
      '1h',
      '--kind',
      'breaker',
      '--limit',
      '2',
      '--json',
    );
    expect(last.code).toBe(0);
    expect(linesOf(last).map((line) => JSON.parse(line) as object)).toEqual(changes.slice(0, 2));
  });
});

describe('a model that hangs', () => {
  it('opens its breaker; items wait without an attempt, their actor without a restart, and all are embedded at last', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'troupe-hang-'));
    const flag = join(folder, 'hang');
    process.env.TROUPE_TEST_HANG = flag;
    try {
      await writeFile(flag, '');
      await using dataset = await InProcessDataset.start({
        embedModule: new URL('./threads/hanging-model.ts', import.meta.url),
        sizing: { embedTimeoutMs: 300 },
        config: { node: { modelBreaker: { failures: 2, minOpenMs: 1_000, maxOpenMs: 2_000 } } },
      });
      const ITEMS = 24;
      for (let at = 0; at < ITEMS; at++) {
        await dataset.publish(await picture(`hang-${at}`).jpeg().toBuffer(), { 'Troupe-Id': `item-${at}` });
      }
      const opened = () =>
        dataset.events.filter((event) => event.type === 'breaker' && event.state === 'open').length;
      await until('two probes have failed', () => opened() >= 3, SETTLE_MS);
      expect(dataset.breakers()[0]).toMatchObject({ name: 'model troupe-tiny' });
      expect((await dataset.settled(ITEMS)).missing.count).toBe(ITEMS);
      expect(await dataset.letters()).toEqual(new Map());
      await rm(flag);
      await until(
        'all are settled',
        async () => (await dataset.settled(ITEMS)).missing.count === 0,
        SETTLE_MS,
      );
      expect((await dataset.settled(ITEMS)).counts).toMatchObject({ dead: 0 });
      expect(dataset.breakers()[0]).toMatchObject({ state: 'closed' });
      const actors = dataset.actors();
      expect(actors.get('photos/embedding/embedder')?.restarts).toBe(0);
      // One for each call that it was given: two, and a probe each time that it opened again. A call that found it away
      // cost none.
      const restarts = actors.get('photos/embedding/session')?.restarts ?? 0;
      expect(restarts).toBeGreaterThan(0);
      expect(restarts).toBeLessThanOrEqual(2 + opened() - 1);
      expect(dataset.events.filter(({ type }) => type === 'escalated')).toEqual([]);
    } finally {
      delete process.env.TROUPE_TEST_HANG;
      await rm(folder, { recursive: true, force: true });
    }
  });
});
