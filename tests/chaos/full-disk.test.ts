// The disk under the embedded nats-server fills up, by other files and to the last byte, in the middle of a run: the node
// pauses, status says why, and with room again it goes on by itself, whatever that did to the server.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { endWithThisProcess } from '../support/end-with-process.ts';
import { PICTURES_CONFIG } from '../support/images.ts';
import { TroupeSystem } from '../support/troupe-system.ts';
import { resultOf, undisturbedPictures } from '../support/undisturbed-run.ts';

const COUNT = 160;
const HALF = COUNT / 2;
const MIB = 1024 * 1024;
const LIMITS = {
  intake: 32 * MIB,
  work: 8 * MIB,
  journal: 16 * MIB,
  dead: 8 * MIB,
  outcome: 8 * MIB,
  events: MIB,
  cache: MIB,
};
const CONFIG = { ...PICTURES_CONFIG, node: { leaseMs: 4_000 }, storage: { limits: LIMITS } };
const DEADLINE_MS = 60_000;

const calm = undisturbedPictures(COUNT);

/** A disk of its own of 400 MiB in memory, which only root may mount. */
const canMount = process.getuid?.() === 0 && process.platform === 'linux';

describe.skipIf(!canMount).each(['stable', 'newest'] as const)(
  'on a disk of its own (only root may mount one), with the %s nats-server',
  (version) => {
    it('that is full to the last byte for longer than a lease: the run goes on by itself to the same digest', async () => {
      await using system = await TroupeSystem.create({ version, config: CONFIG });
      await using disk = mountDisk(system);
      await system.start();
      const { pid } = system;
      await system.publish(calm.pictures.items.slice(0, HALF));
      await system.waitSettled(HALF);
      await disk.fill();
      const publishing = system.publish(calm.pictures.items.slice(HALF));
      publishing.catch(() => {});
      await system.waitFor(async () => system.log.includes('nats-server disk full'), {
        deadlineMs: DEADLINE_MS,
        what: 'the full disk is noticed',
      });
      const from = performance.now();
      await system.waitFor(() => performance.now() - from > 2 * CONFIG.node.leaseMs, {
        deadlineMs: DEADLINE_MS,
        what: 'two leases have passed',
      });
      expect(system.isUp).toBe(true);
      await disk.empty();
      expect(await publishing).toBe(COUNT);
      await system.waitSettled(COUNT);
      expect(system.pid).toBe(pid);
      expect(await resultOf(system, calm.pictures)).toEqual(calm.result);
      expect((await system.command('status')).code).toBe(0);
    });
  },
);

/** Mounts a disk under the system's data folder. Disposing of it ends what uses it first, and unmounts it. */
function mountDisk(system: TroupeSystem) {
  const folder = system.dataDir;
  mkdirSync(folder, { mode: 0o700 });
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=400m,mode=700', 'tmpfs', folder]);
  if (mounted.status !== 0) throw new Error(`mount: ${mounted.stderr}`);
  const forget = endWithThisProcess({ endNow: () => void spawnSync('umount', ['-l', folder]) });
  const ballast = join(folder, 'ballast');
  return {
    async fill() {
      const { bavail, bsize } = await statfs(folder);
      // Where the server was faster with the last bytes the disk is as full.
      await writeFile(ballast, Buffer.alloc(bavail * bsize, 1)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOSPC') throw error;
      });
    },
    empty: () => rm(ballast),
    async [Symbol.asyncDispose]() {
      await system.end();
      forget();
      const unmounted = spawnSync('umount', [folder]);
      if (unmounted.status !== 0) throw new Error(`umount: ${unmounted.stderr}`);
    },
  };
}
