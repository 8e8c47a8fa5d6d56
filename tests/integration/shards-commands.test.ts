// `troupe shards` and `troupe status` against members that are real processes: what people order is done and stays done,
// and everything can be told while nodes are frozen or gone.
import { afterEach, expect, it } from 'vitest';
import { datasetConfigSchema } from '#actors';
import { ensureDataset, ensureSystem, NatsRecords, namesOf } from '#nats';
import { parsePinRecord } from '#runtime';
import { DatasetRegistry } from '../../cli/node/dataset-registry.ts';
import { datasetTopology } from '../../cli/node/dataset-topology.ts';
import { ShardOrders } from '../../cli/node/shard-orders.ts';
import type { MemberOptions } from '../support/cluster-member.ts';
import { type CommandRun, runCommand } from '../support/command-run.ts';
import { MemberProcess } from '../support/member-process.ts';
import { describeOnServers, smallDataset, until } from './nats-harness.ts';

const SHARDS = ['photos.keeper', 'photos.0', 'photos.1', 'photos.2', 'photos.3', 'photos.4'];
const LEASE_MS = 2_000;
const DEADLINE_MS = 30_000;

interface ListedShard {
  readonly shard: string;
  readonly owner: string | null;
  readonly phase: string;
  readonly pinned: string | null;
}

await describeOnServers(
  'shards on the command line',
  (under) => {
    const members: MemberProcess[] = [];

    afterEach(async () => {
      for (const member of members.splice(0)) await member[Symbol.asyncDispose]();
    });

    async function cluster() {
      const link = await under.link();
      const system = under.newSystem();
      await ensureSystem(link, { system });
      await ensureDataset(
        link,
        'photos',
        smallDataset(system, {
          stages: datasetTopology({ system, storage: { provision: true, limits: {} } }).stages,
        }),
      );
      const names = namesOf(system);
      const registry = new DatasetRegistry(new NatsRecords(link, names.records.datasets));
      await registry.put('photos', 'command', datasetConfigSchema.parse({ shards: SHARDS.length - 1 }));
      const { url, token } = under.server;
      const start = (name: string, extra: Partial<MemberOptions> = {}): MemberProcess => {
        const common = { name, url, token, system, dataset: 'photos', shards: SHARDS, leaseMs: LEASE_MS };
        const member = new MemberProcess({ ...common, ignoresLease: false, ...extra });
        members.push(member);
        return member;
      };
      const troupe = (args: readonly string[], signal?: AbortSignal): Promise<CommandRun> =>
        runCommand({ url, token, system }, args, signal);
      const list = async (): Promise<readonly ListedShard[]> =>
        JSON.parse((await troupe(['shards', 'list', 'photos', '--json'])).stdout);
      const ownedBy = async (name: string): Promise<readonly string[]> =>
        (await list()).flatMap(({ shard, owner }) => (owner === name ? [shard] : []));
      /** Waits until each of these members answers for `count` shards and no shard is on its way. */
      const untilShared = (shares: readonly (readonly [MemberProcess, number])[]) =>
        until(
          `members have ${shares.map(([{ name }, count]) => `${name} ${count}`)}`,
          async () =>
            shares.every(([{ answering }, count]) => answering.size === count) &&
            (await list()).every(({ phase }) => phase === 'active'),
          DEADLINE_MS,
        );
      return { start, troupe, list, ownedBy, untilShared };
    }

    it('moves shards to where a person wants them, and balance leaves them there', async () => {
      const { start, troupe, list, ownedBy, untilShared } = await cluster();
      const [a, b, c] = [start('a'), start('b'), start('c')];
      await untilShared([
        [a, 2],
        [b, 2],
        [c, 2],
      ]);
      const elsewhere = (await list()).filter(({ owner }) => owner !== 'b').map(({ shard }) => shard);
      const wanted = elsewhere.slice(0, 3);
      const words = wanted.map((shard) => shard.split('.')[1] ?? '');
      const moved = await troupe(['shards', 'move', 'photos', ...words, '--to', 'b', '--json']);
      expect(moved.code, moved.stderr).toBe(0);
      expect(JSON.parse(moved.stdout)).toEqual({
        dataset: 'photos',
        to: 'b',
        outcome: 'done',
        moved: wanted,
        pending: [],
      });
      expect(moved.stderr).toContain('0 left to move');
      // What is pinned stays; what was there before goes, as its share is less than three.
      await untilShared([[b, 3]]);
      expect([...(await ownedBy('b'))].sort()).toEqual([...wanted].sort());
      const plan = await troupe(['shards', 'plan', '--json']);
      expect(JSON.parse(plan.stdout).moves).toEqual([]);
      const again = await troupe(['shards', 'move', 'photos', ...words, '--to', 'b']);
      expect(again.code).toBe(0);
      expect(again.stdout).toContain('nothing to do: ');
      const freed = await troupe(['shards', 'move', 'photos', ...words, '--unpin']);
      expect(freed.code).toBe(0);
      await untilShared([
        [a, 2],
        [b, 2],
        [c, 2],
      ]);
      expect((await list()).every(({ pinned }) => pinned === null)).toBe(true);
    });

    it('drains a node that lives on without shards, and gives it its share again', async () => {
      const { start, troupe, ownedBy, untilShared } = await cluster();
      const [a, b, c] = [start('a'), start('b'), start('c')];
      await untilShared([
        [a, 2],
        [b, 2],
        [c, 2],
      ]);
      const drained = await troupe(['shards', 'drain', 'b']);
      expect(drained.code, drained.stderr).toBe(0);
      expect(drained.stdout).toContain('b is drained');
      expect(await ownedBy('b')).toEqual([]);
      await untilShared([
        [a, 3],
        [b, 0],
        [c, 3],
      ]);
      expect(b.code).toBeUndefined();
      expect((await troupe(['shards', 'drain', 'b'])).stdout).toContain(
        'nothing to do: b is drained already',
      );
      expect((await troupe(['shards', 'list'])).stdout).toContain(
        'node b is drained: troupe shards drain b --undo',
      );
      const status = await troupe(['status']);
      expect(status.stdout).toMatch(/^b +active, drained /m);
      expect(status.code, status.stdout).toBe(0);
      const refused = await troupe(['shards', 'move', 'photos', '0', '--to', 'b', '--json']);
      expect(refused.code).toBe(1);
      expect(JSON.parse(refused.stderr)).toMatchObject({ error: 'node_unavailable' });
      const undone = await troupe(['shards', 'drain', 'b', '--undo', '--json']);
      expect(JSON.parse(undone.stdout)).toEqual({ node: 'b', outcome: 'undone' });
      await untilShared([
        [a, 2],
        [b, 2],
        [c, 2],
      ]);
      expect((await troupe(['shards', 'drain', 'b', '--undo'])).stdout).toContain('nothing to do');
    });

    it('says what is wrong with an order before it writes one', async () => {
      const { start, troupe, list, untilShared } = await cluster();
      const [a, b] = [start('a'), start('b')];
      await untilShared([
        [a, 3],
        [b, 3],
      ]);
      b.kill();
      await untilShared([[a, 6]]);
      const failure = async (...args: readonly string[]) => {
        const { code, stderr } = await troupe([...args, '--json']);
        const { error, message } = JSON.parse(stderr);
        return `${code} ${error}: ${message}`;
      };
      expect(await failure('shards', 'move', 'nope', '0', '--to', 'a')).toMatch(/^2 unknown_dataset: /);
      expect(await failure('shards', 'move', 'photos', '5', '--to', 'a')).toBe(
        '2 unknown_shard: unknown shard 5 of photos: expected keeper or a number from 0 to 4',
      );
      expect(await failure('shards', 'move', 'photos', 'x', '--to', 'a')).toMatch(/^2 unknown_shard: /);
      expect(await failure('shards', 'move', 'photos', '0', '--to', 'd')).toMatch(
        /^2 unknown_node: .* a, b$/,
      );
      expect(await failure('shards', 'move', 'photos', '0', '--to', 'b')).toMatch(
        /^1 node_unavailable: node b is gone/,
      );
      expect(await failure('shards', 'move', 'photos', '0')).toMatch(/^2 usage: /);
      expect(await failure('shards', 'drain', 'd')).toMatch(/^2 unknown_node: /);
      expect(await failure('shards', 'drain', 'd', '--undo')).toMatch(/^2 unknown_node: /);
      expect(await failure('shards', 'drain', 'b')).toMatch(/^1 node_unavailable: /);
      expect(await failure('shards', 'drain', 'a')).toMatch(/^1 no_other_node: /);
      expect((await list()).every(({ pinned }) => pinned === null)).toBe(true);
    });

    it('forgets where the shards of a deleted dataset were moved, and of no other', async () => {
      const link = await under.link();
      const system = under.newSystem();
      await ensureSystem(link, { system });
      const names = namesOf(system);
      const orders = new ShardOrders({ link, names });
      for (const shard of ['photos.0', 'photos.keeper', 'photos-2.0']) await orders.move(shard, 'a');
      await orders.forgetMoves('photos');
      const stored = await new NatsRecords(link, names.records.nodes).entries('pin.');
      const pins = stored.map(({ key, value }) => parsePinRecord(key, value));
      expect(Object.fromEntries(pins.map((pin) => [pin?.shard, pin?.node]))).toEqual({
        'photos.0': null,
        'photos.keeper': null,
        'photos-2.0': 'a',
      });
    });

    it('stops waiting at Ctrl-C and in time, while the move goes on; without a node it is done once one is there', async () => {
      const { start, troupe, ownedBy, untilShared } = await cluster();
      const [a, b] = [start('a'), start('b')];
      await untilShared([
        [a, 3],
        [b, 3],
      ]);
      const [shard = ''] = await ownedBy('a');
      const word = shard.split('.')[1] ?? '';
      a.freeze();
      b.freeze();
      const interruption = new AbortController();
      interruption.abort();
      const stopped = await troupe(['shards', 'move', 'photos', word, '--to', 'b'], interruption.signal);
      expect(stopped.code).toBe(1);
      expect(stopped.stdout).toContain(`interrupted: ${shard} not moved yet; the move goes on`);
      const late = await troupe([
        'shards',
        'move',
        'photos',
        word,
        '--to',
        'b',
        '--timeout',
        '300ms',
        '--json',
      ]);
      expect(late.code).toBe(1);
      expect(JSON.parse(late.stdout)).toMatchObject({ outcome: 'timeout', moved: [], pending: [shard] });
      a.kill();
      b.kill();
      const again = [start('a'), start('b')] as const;
      await untilShared([
        [again[0], 3],
        [again[1], 3],
      ]);
      await until('it was moved', async () => (await ownedBy('b')).includes(shard), DEADLINE_MS);
    });

    it('tells what is known while every node is frozen, and marks each as not answering, then as gone', async () => {
      const { start, troupe, list, untilShared } = await cluster();
      const [a, b, c] = [start('a'), start('b'), start('c')];
      await untilShared([
        [a, 2],
        [b, 2],
        [c, 2],
      ]);
      const planner = [a, b, c].find(({ told }) => told.some(({ type }) => type === 'coordinator'));
      planner?.freeze();
      const first = await troupe(['status', '--json', '--timeout', '1s']);
      expect(first.code, first.stderr).toBe(1);
      const problems: readonly string[] = JSON.parse(first.stdout).problems;
      const about = new RegExp(`^node ${planner?.name} (does not answer|is unreachable|is gone)`);
      expect(
        problems.some((problem) => about.test(problem)),
        problems.join('; '),
      ).toBe(true);
      for (const each of [a, b, c]) each.freeze();
      const states = async () => {
        const { stdout } = await troupe(['status', '--json', '--timeout', '1s']);
        return JSON.parse(stdout).cluster.members.map(({ state }: { readonly state: string }) => state);
      };
      await until('all are gone', async () => (await states()).join() === 'gone,gone,gone', DEADLINE_MS);
      const shown = await troupe(['status', '--timeout', '1s']);
      expect(shown.code).toBe(1);
      expect(shown.stdout).toContain('problem: no node answers');
      expect(shown.stdout).toMatch(/^dataset photos: 0 published/m);
      expect(await list()).toHaveLength(SHARDS.length);
      const plan = await troupe(['shards', 'plan', '--json']);
      expect(plan.code).toBe(0);
      expect(JSON.parse(plan.stdout).moves).toEqual([]);
    });

    it('tells why a shard could not be started and when it is tried again, while the others run', async () => {
      const { start, troupe } = await cluster();
      const a = start('a', { failsToStart: 'photos.2' });
      const failures = () => a.told.filter(({ phase }) => phase === 'failed').length;
      await until('the others run', () => a.answering.size === 5 && failures() > 2, DEADLINE_MS);
      const { code, stdout, stderr } = await troupe(['status']);
      expect(code).toBe(1);
      expect(stdout, stderr).toMatch(
        /problem: photos\.2 could not be started on a, \d+ times in a row, tried again .*: a start that was made to fail/,
      );
      expect(a.told.every(({ phase, shard }) => phase !== 'failed' || shard === 'photos.2')).toBe(true);
    });
  },
  ['newest'],
);
