// A folder that exists for the length of one piece of work, whatever comes of it.
import type { Machine } from './machine.ts';

/** Makes a new folder within `parent`, hands it to `work`, and removes it when that has settled. */
export async function withTemporaryFolder<T>(
  machine: Machine,
  parent: string,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await machine.makeTemporaryDirectory(parent);
  try {
    return await work(folder);
  } finally {
    await machine.remove(folder);
  }
}
