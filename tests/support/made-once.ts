// What several test files need and one of them makes: whoever comes first makes it, the others wait. It lasts for one run of
// the tests (`shared-folder.ts`).
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inject } from 'vitest';
import { waitUntil } from './wait-until.ts';

/** Longest wait for what another file makes. */
const MAKING_MS = 110_000;
const RESULT = 'result.json';

/**
 * What `make` resolves to, as JSON, made once in a run under a name: in a folder that is given to it and stays. Where it
 * fails, its caller fails, and the next one tries again.
 */
export async function madeOnce<T>(name: string, make: (folder: string) => Promise<T>): Promise<T> {
  const folder = join(inject('sharedFolder'), name);
  const result = join(folder, RESULT);
  const isMade = () => existsSync(result);
  const isFree = () => !existsSync(folder);
  while (!(await claimed(folder))) {
    await waitUntil(() => isMade() || isFree(), { deadlineMs: MAKING_MS, what: `${name} is made` });
    if (isMade()) return JSON.parse(await readFile(result, 'utf8')) as T;
  }
  try {
    const made = await make(folder);
    await writeFile(`${result}.part`, JSON.stringify(made));
    await rename(`${result}.part`, result);
    return made;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Whether this call made the folder. */
async function claimed(folder: string): Promise<boolean> {
  try {
    await mkdir(folder);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
