// A dataset whose supervision gives up for good, in a real process: the stream that a stage works from is deleted under it.
import { describe, expect, it } from 'vitest';
import { TroupeProcess } from '../support/troupe-process.ts';
import { TroupeSystem } from '../support/troupe-system.ts';

const LIMIT_MS = 120_000;

/** Runs `troupe up` until it ends because the stream of the scorers is gone. */
async function giveUp(...flags: readonly string[]) {
  await using system = await TroupeSystem.create();
  const node = new TroupeProcess({
    args: ['up', ...flags],
    cwd: system.folder,
    env: { ...system.env, TROUPE_LOG: 'silent' },
    limitMs: LIMIT_MS,
  });
  await system.waitFor(() => node.isOver || node.stdout.includes('\n'), {
    deadlineMs: 60_000,
    what: 'the node is up',
  });
  const { link, names } = await system.connect();
  await link.manager.streams.delete(names.streams.work('photos', 'score'));
  const { code } = await node.ended;
  return { code, stderr: node.stderr };
}

describe('a supervision that gave up', () => {
  it('ends the node with exit code 1 and a report that a person can read', async () => {
    const { code, stderr } = await giveUp();
    expect(code).toBe(1);
    const text = stderr.slice(stderr.indexOf('node '));
    expect(text).toMatch(/^node \S+ ended: the supervision of dataset photos gave up\n/);
    expect(text).toContain('Who gave up, from the root down');
    expect(text).toContain('RestartIntensityExceeded: / allows');
    expect(text).toMatch(/stream TROUPE_WORK_photos_score does not exist/);
    expect(text).toMatch(/\n {2} {4}at .*work-consumer/);
    expect(text).toMatch(/Restarts before \([1-9]\d*\)\n/);
    expect(text).toContain('photos/scorer');
    expect(text).toContain('What to look at next');
  });

  it('says the same as one line of JSON with --json', async () => {
    const { code, stderr } = await giveUp('--json');
    expect(code).toBe(1);
    const report = JSON.parse(stderr.trim().split('\n').at(-1) ?? '') as object;
    expect(report).toMatchObject({ error: 'restart_intensity', dataset: 'photos', gaveUp: [{ path: '/' }] });
    expect(report).toHaveProperty('stack', expect.stringContaining('work-consumer'));
  });
});
