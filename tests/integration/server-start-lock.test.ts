import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '#runtime';
import { DataFolderBusy, inspectProcess, StartLock } from '../../nats/server/index.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'troupe-lock-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

function acquire(waitMs = 30_000): Promise<StartLock> {
  return StartLock.acquire(directory, { clock: systemClock, waitMs });
}

describe('the start lock', () => {
  it('is held by one at a time, however many ask', async () => {
    let holders = 0;
    let most = 0;
    const rounds = Array.from({ length: 12 }, async () => {
      const lock = await acquire();
      holders += 1;
      most = Math.max(most, holders);
      await readdir(directory);
      holders -= 1;
      await lock.release();
    });
    await Promise.all(rounds);
    expect(most).toBe(1);
    expect((await readdir(directory)).length).toBe(1);
  });

  it('is not given away while its holder lives, and says who holds it', async () => {
    await acquire();
    await expect(acquire(50)).rejects.toThrow(DataFolderBusy);
    await expect(acquire(50)).rejects.toThrow(`process ${process.pid}`);
  });

  it('passes on when its holder has died, even if its number is in use again', async () => {
    const self = await inspectProcess(process.pid);
    const holder = { pid: process.pid, mark: `${self?.mark}1` };
    await writeFile(join(directory, 'lock.7'), JSON.stringify({ holder, held: true }));
    await (await acquire(50)).release();
    expect(await readdir(directory)).toEqual(['lock.8']);
  });

  it('passes on when its holder died while it let go', async () => {
    await writeFile(join(directory, 'lock.3'), '');
    await (await acquire(50)).release();
    expect(await readdir(directory)).toEqual(['lock.4']);
  });
});
