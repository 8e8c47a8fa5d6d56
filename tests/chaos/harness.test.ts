// The chaos harness itself, on a real node: each verb does what its name says, and nothing outlives a test.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { inspectProcess } from '../../nats/server/index.ts';
import { ChaosSystem } from '../support/chaos/chaos-system.ts';
import { waitUntil } from '../support/wait-until.ts';

const ABANDONED = fileURLToPath(new URL('../support/chaos/abandoned-run.ts', import.meta.url));
/** A short lease, so that a node which lost it is soon gone. */
const CONFIG = { version: 1, node: { leaseMs: 2_000 } };
const LONG = 60_000;

describe('the chaos harness', () => {
  it('starts a node that only the proxies lead to NATS, kills it, and starts it again under its name', async () => {
    await using system = await ChaosSystem.create({ config: CONFIG });
    await system.start('a');
    const { pid } = system.node('a');
    const [node] = await nodesOf(system);
    expect(node).toMatchObject({ name: 'a', state: 'active' });
    await system.kill('a');
    expect(system.node('a').isUp).toBe(false);
    expect(await inspectProcess(pid)).toBeUndefined();
    await system.start('a');
    expect(system.node('a').pid).not.toBe(pid);
    expect(await system.stop('a')).toEqual({ code: 0, signal: null });
  });

  it('freezes a node, which does nothing until it is thawed', async () => {
    await using system = await ChaosSystem.create({ config: CONFIG });
    await system.start('a');
    system.freeze('a');
    await system.waitFor(async () => (await nodesOf(system))[0]?.state === 'gone', {
      deadlineMs: LONG,
      what: 'the lease of the frozen node runs out',
    });
    expect(system.node('a').isUp).toBe(true);
    system.thaw('a');
    expect(await system.waitForEnd('a')).toEqual({ code: 1, signal: null });
  });

  it('cuts a node off from NATS, although both run: it finds its lease over and ends; healed, it joins again', async () => {
    await using system = await ChaosSystem.create({ config: CONFIG });
    await system.start('a');
    system.cut('a');
    expect(await system.waitForEnd('a')).toEqual({ code: 1, signal: null });
    expect(system.node('a').log).toContain('lease');
    expect(await nodesOf(system)).toMatchObject([{ name: 'a' }]);
    system.heal('a');
    await system.start('a');
    await system.waitFor(async () => (await system.command('status')).code === 0, {
      deadlineMs: LONG,
      what: 'all is well again',
    });
  });

  it('ends what it started also when the test run dies', async () => {
    const run = spawn(process.execPath, [ABANDONED], { stdio: ['ignore', 'pipe', 'ignore'] });
    let told = '';
    run.stdout.setEncoding('utf8').on('data', (text: string) => {
      told += text;
    });
    await waitUntil(() => run.exitCode !== null, { deadlineMs: LONG, what: 'the run has died' });
    const pids = JSON.parse(told) as readonly number[];
    expect(pids).toHaveLength(2);
    await waitUntil(
      async () => (await Promise.all(pids.map((pid) => inspectProcess(pid)))).every((found) => !found),
      { deadlineMs: LONG, what: 'its processes are gone' },
    );
  });
});

/** Nodes as `troupe status` tells them. */
async function nodesOf(
  system: ChaosSystem,
): Promise<readonly { readonly name: string; readonly state: string }[]> {
  const { stdout } = await system.command('status', '--json');
  return (JSON.parse(stdout) as { cluster: { members: { name: string; state: string }[] } }).cluster.members;
}
