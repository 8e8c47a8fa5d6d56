// The lock that lets one process at a time look for, start or stop a data folder's nats-server. It survives its
// holder's death: a lock is a numbered file, the highest number counts, and a dead or finished holder is
// followed by creating the next number, which only one process can do. Nobody ever deletes a lock that counts.
import { randomBytes } from 'node:crypto';
import { link, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Clock } from '#runtime';
import { inspectProcess, isAlive, processIdSchema } from './process-table.ts';
import { DataFolderBusy } from './server-errors.ts';
import { sleep } from './sleep.ts';

const RETRY_MS = 20;
const lockSchema = z.object({ holder: processIdSchema, held: z.boolean() });
type LockContent = z.infer<typeof lockSchema>;

export interface StartLockOptions {
  readonly clock: Clock;
  /** Longest wait for another live process, in milliseconds. */
  readonly waitMs: number;
}

/** Held from `acquire` to `release`, or to the death of this process. */
export class StartLock {
  readonly #path: string;
  readonly #content: LockContent;

  private constructor(path: string, content: LockContent) {
    this.#path = path;
    this.#content = content;
  }

  /** Waits for the lock of `directory`. Throws `DataFolderBusy` when a live process keeps it too long. */
  static async acquire(directory: string, options: StartLockOptions): Promise<StartLock> {
    const { clock, waitMs } = options;
    const self = await inspectProcess(process.pid);
    if (self === undefined) throw new Error(`the system does not show process ${process.pid}`);
    const content = { holder: { pid: self.pid, mark: self.mark }, held: true };
    const deadline = clock.monotonicMs() + waitMs;
    for (;;) {
      const highest = await highestNumber(directory);
      const holder = await liveHolder(directory, highest);
      if (holder === undefined) {
        const taken = await take(directory, highest + 1, content);
        if (taken) return new StartLock(lockPath(directory, highest + 1), content);
      } else if (clock.monotonicMs() >= deadline) {
        throw new DataFolderBusy(directory, holder, waitMs);
      }
      await sleep(clock, RETRY_MS);
    }
  }

  /** Lets the next one in. */
  async release(): Promise<void> {
    await writeFile(this.#path, JSON.stringify({ ...this.#content, held: false }));
  }
}

async function take(directory: string, number: number, content: LockContent): Promise<boolean> {
  const path = lockPath(directory, number);
  // Linked into place, so that nobody ever reads it half written.
  const draft = join(directory, `.lock-${process.pid}-${number}-${randomBytes(6).toString('hex')}`);
  await writeFile(draft, JSON.stringify(content), { mode: 0o600 });
  try {
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
  if ((await highestNumber(directory)) > number) {
    // Others went on meanwhile and had cleared this number away: the listing was out of date.
    await rm(path, { force: true });
    return false;
  }
  for (const older of await numbers(directory)) {
    if (older < number) await rm(lockPath(directory, older), { force: true });
  }
  return true;
}

/** The pid of the live process that holds this number; `undefined` when it is free. */
async function liveHolder(directory: string, number: number): Promise<number | undefined> {
  if (number === 0) return undefined;
  try {
    const content = lockSchema.parse(JSON.parse(await readFile(lockPath(directory, number), 'utf8')));
    return content.held && (await isAlive(content.holder)) ? content.holder.pid : undefined;
  } catch {
    // Cleared away by a newer holder, or written half by a release that died: nobody holds it.
    return undefined;
  }
}

async function highestNumber(directory: string): Promise<number> {
  return Math.max(0, ...(await numbers(directory)));
}

async function numbers(directory: string): Promise<readonly number[]> {
  const names = await readdir(directory);
  return names.flatMap((name) => /^lock\.(\d+)$/.exec(name)?.[1] ?? []).map(Number);
}

function lockPath(directory: string, number: number): string {
  return join(directory, `lock.${number}`);
}
