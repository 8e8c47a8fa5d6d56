// `troupe up --nodes N`: several nodes on one machine under one process, which starts them again, ends them in order,
// and never leaves one behind.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ShardStatus } from '../../cli/node/cluster-status.ts';
import type { SystemStatus } from '../../cli/node/system-status.ts';
import { type ChildNode, isNode, nodesBelow } from '../support/troupe-node.ts';
import { TroupeSystem } from '../support/troupe-system.ts';

const DEADLINE_MS = 90_000;
const NAMES = ['node-1', 'node-2', 'node-3'];

let system: TroupeSystem;

beforeAll(async () => {
  system = await TroupeSystem.up({ args: ['--nodes', '3'], config: { node: { leaseMs: 3_000 } } });
});

afterAll(() => system?.[Symbol.asyncDispose]());

async function status(): Promise<SystemStatus> {
  return JSON.parse((await system.command('status', '--json')).stdout) as SystemStatus;
}

async function shards(): Promise<readonly ShardStatus[]> {
  return JSON.parse((await system.command('shards', 'list', '--json')).stdout);
}

function child(name: string): ChildNode | undefined {
  return nodesBelow(system.pid).find((node) => node.name === name);
}

async function untilAllAnswer(what: string): Promise<void> {
  const deadline = { deadlineMs: DEADLINE_MS, what };
  await system.waitFor(async () => {
    const { cluster, nodes, problems } = await status();
    const owners = new Set(cluster.shards.map(({ owner, phase }) => (phase === 'active' ? owner : null)));
    return (
      problems.length === 0 &&
      nodes.length === 3 &&
      NAMES.every((name) => owners.has(name)) &&
      owners.size === 3
    );
  }, deadline);
}

describe('nodes on one machine', () => {
  it('share the shards of one system, each a process of its own with every role', async () => {
    await untilAllAnswer('every node owns shards');
    const { cluster, nodes } = await status();
    expect(cluster.members.map(({ name, state }) => `${name} ${state}`)).toEqual(
      NAMES.map((name) => `${name} active`),
    );
    expect(nodes.map(({ name, durability }) => `${name} ${durability}`)).toEqual(
      NAMES.map((name) => `${name} process`),
    );
    expect(JSON.parse(system.output)).toMatchObject({ nodes: NAMES, datasets: ['photos'] });
    expect(nodesBelow(system.pid).map(({ name }) => name)).toEqual(NAMES);
  });

  it('are started again under their names when they are killed, and their shards answer again', async () => {
    const before = await shards();
    const killed = child('node-2');
    if (killed === undefined) throw new Error('node-2 does not run');
    process.kill(killed.pid, 'SIGKILL');
    await system.waitFor(() => ![undefined, killed.pid].includes(child('node-2')?.pid), {
      deadlineMs: DEADLINE_MS,
      what: 'node-2 runs again',
    });
    await untilAllAnswer('every node owns shards again');
    const after = new Map((await shards()).map((shard) => [shard.shard, shard]));
    for (const { shard, owner, epoch } of before) {
      if (owner === 'node-2') expect(after.get(shard)?.epoch).toBeGreaterThan(epoch);
    }
    expect(system.log).toMatch(/the process of node node-2 ended with SIGKILL/);
    expect(system.log).toContain('node-2 | ');
  });

  it('drain one after the other when the one process is told to stop, which ends with 0 and leaves none', async () => {
    const children = nodesBelow(system.pid);
    expect(await system.stop()).toMatchObject({ code: 0 });
    expect(children).toHaveLength(3);
    expect(children.filter(({ pid }) => isNode(pid))).toEqual([]);
    expect(await system.serverIsUp()).toBe(false);
    const drains = [...system.log.matchAll(/^(node-\d) \| draining/gm)].map(([, name]) => name);
    expect(drains).toEqual(NAMES.toReversed());
  });

  it('end by themselves when the process above them is killed', async () => {
    await system.start();
    const children = nodesBelow(system.pid);
    expect(children).toHaveLength(3);
    await system.kill();
    await system.waitFor(() => children.every(({ pid }) => !isNode(pid)), {
      deadlineMs: DEADLINE_MS,
      what: 'no node is left',
    });
  });

  it('get their shards back when all of them are started again', async () => {
    await system.start();
    await untilAllAnswer('every node owns shards after a restart');
    expect(await system.stop()).toMatchObject({ code: 0 });
  });
});

describe('nodes that cannot run', () => {
  it('end by themselves when the process above them and the server are killed at once', async () => {
    const group = await TroupeSystem.up({ args: ['--nodes', '2'], config: { node: { leaseMs: 2_000 } } });
    const children = nodesBelow(group.pid);
    await group[Symbol.asyncDispose]();
    expect(children).toHaveLength(2);
    await group.waitFor(() => children.every(({ pid }) => !isNode(pid)), {
      deadlineMs: DEADLINE_MS,
      what: 'no node is left',
    });
  });

  it('end the whole with exit code 1 and a report that names the cause', async () => {
    const config = {
      models: { broken: { file: 'absent.onnx', size: 8, dimension: 8 } },
      datasets: { photos: { model: 'broken' } },
    };
    await using failing = await TroupeSystem.create({ args: ['--nodes', '2'], config });
    const { code, stderr } = await failing.command('up', '--nodes', '2', '--json');
    expect(code).toBe(1);
    const report = JSON.parse(stderr.trim().split('\n').at(-1) ?? '') as { error: string; message: string };
    expect(report.error).toBe('nodes_failed');
    expect(report.message).toContain('the process of node node-1 ended with exit code 2');
    expect(report.message).toContain('absent.onnx');
    expect(await failing.serverIsUp()).toBe(false);
  });

  it('are given up when they end again and again, with exit code 1 and a report', async () => {
    await using failing = await TroupeSystem.up({ args: ['--nodes', '1'] });
    const killed = new Set<number>();
    await failing.waitFor(
      () => {
        const running = nodesBelow(failing.pid).find(({ pid }) => !killed.has(pid));
        if (running !== undefined) {
          killed.add(running.pid);
          process.kill(running.pid, 'SIGKILL');
        }
        return !failing.isUp;
      },
      { deadlineMs: DEADLINE_MS, what: 'they are given up' },
    );
    expect((await failing.ended()).code).toBe(1);
    const report = JSON.parse(failing.log.trim().split('\n').at(-1) ?? '') as {
      error: string;
      message: string;
    };
    expect(report).toMatchObject({ error: 'nodes_failed' });
    expect(report.message).toContain('SIGKILL');
    // One more than the node itself and three to spare.
    expect(killed.size).toBe(5);
  });
});
