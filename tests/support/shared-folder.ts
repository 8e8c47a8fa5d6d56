// The global setup of kinds whose files share something (`made-once.ts`): a folder for one run of the tests.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** What files of one run share. */
    sharedFolder: string;
  }
}

let folder: string | undefined;

/** Called by Vitest before the first file. */
export async function setup(project: TestProject): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), 'troupe-shared-'));
  project.provide('sharedFolder', folder);
}

/** Called by Vitest after the last file. */
export async function teardown(): Promise<void> {
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
}
