// A node's place in its system as a user sees it: whose the shards are, what becomes of a node that was frozen, and what
// can be read while none runs.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MemberStatus, ShardStatus } from '../../cli/node/cluster-status.ts';
import type { SystemStatus } from '../../cli/node/system-status.ts';
import { TroupeSystem } from '../support/troupe-system.ts';

const DEADLINE_MS = 60_000;

let system: TroupeSystem;

beforeAll(async () => {
  system = await TroupeSystem.up({ config: { node: { leaseMs: 1_500 } } });
});

afterAll(() => system?.[Symbol.asyncDispose]());

async function shards(): Promise<readonly ShardStatus[]> {
  return JSON.parse((await system.command('shards', 'list', 'photos', '--json')).stdout);
}

/** Status and its exit code; also of a system of which no node answers. */
async function status(): Promise<SystemStatus & { readonly code: number | null }> {
  const { code, stdout } = await system.command('status', '--json');
  return { ...(JSON.parse(stdout) as SystemStatus), code };
}

function memberOf({ cluster }: SystemStatus): MemberStatus {
  const [member] = cluster.members;
  if (member === undefined) throw new Error('no node is recorded');
  return member;
}

describe('a node', () => {
  it('owns the keeper and every index shard of its datasets', async () => {
    const listed = await shards();
    const node = memberOf(await status());
    expect(node).toMatchObject({ state: 'active', leaseMs: 1_500, isCoordinator: true });
    expect(listed.map(({ shard }) => shard)).toEqual([
      'photos.keeper',
      'photos.0',
      'photos.1',
      'photos.2',
      'photos.3',
    ]);
    for (const shard of listed) expect(shard).toMatchObject({ phase: 'active', owner: node.name, epoch: 1 });
    const plan = await system.command('shards', 'plan');
    expect(plan).toMatchObject({ code: 0, stdout: 'no shard would move\n' });
  });

  it('stops itself with exit code 1 when it was frozen for longer than its lease', async () => {
    system.freeze();
    await system.waitFor(async () => memberOf(await status()).state === 'gone', {
      deadlineMs: DEADLINE_MS,
      what: 'the lease is over',
    });
    system.thaw();
    expect(await system.ended()).toMatchObject({ code: 1 });
    expect(system.log).toContain('has not renewed its lease');
  });

  it('takes its shards under the next epoch at once when it is started again under its name', async () => {
    await system.start();
    for (const shard of await shards()) expect(shard).toMatchObject({ phase: 'active', epoch: 2 });
    expect((await status()).code).toBe(0);
  });

  it('leaves records that tell whose its shards were, while no node runs', async () => {
    await system.kill();
    const killed = await status();
    expect(killed.code).toBe(1);
    expect(killed.cluster.shards.every(({ owner }) => owner === memberOf(killed).name)).toBe(true);
    expect(killed.problems).toContain('no node answers; items wait until one runs');
    await system.start();
    for (const shard of await shards()) expect(shard).toMatchObject({ phase: 'active', epoch: 3 });
  });

  it('stops itself when it is cut off from the server for longer than its lease, whatever it waits for there', async () => {
    await system.freezeServer();
    await system.waitFor(() => system.log.includes('the lease is over'), {
      deadlineMs: DEADLINE_MS,
      what: 'the lease is over',
    });
    // It ends its own server last, which would take that long if it stayed frozen.
    await system.thawServer();
    expect(await system.ended()).toMatchObject({ code: 1 });
    expect(system.log).toContain('has not renewed its lease');
    await system.start();
  });

  it('hands over to nobody and leaves in order when it is the only one', async () => {
    expect(await system.stop()).toMatchObject({ code: 0 });
  });
});
