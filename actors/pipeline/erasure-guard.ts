// Keeps a content that is being erased from coming back half way: while it is deleted, ingestors let items that have it
// wait, unless they were published before the erasure began, which then waits for them.
import { z } from 'zod';
import { type Clock, pause } from '#runtime';
import type { DatasetPorts } from './dataset-ports.ts';
import { SharedRead } from './shared-read.ts';

const RETRY_MS = 200;

const recordSchema = z.object({
  /** Of the keeper that wrote it: an older one may not. */
  epoch: z.number().int(),
  contents: z.array(z.string()),
  /** Items up to this intake sequence go on; null while it is not known. */
  through: z.number().int().nullable(),
});

/** What is being erased, and which items are waited for. */
export type ErasureGuard = Omit<z.infer<typeof recordSchema>, 'epoch'>;

/** Another keeper owns the ledger: what this one began is its affair. */
export class ErasureSuperseded extends Error {
  override readonly name = 'ErasureSuperseded';
}

type GuardPorts = Pick<DatasetPorts, 'dataset' | 'heads'>;

/**
 * Sets what is being erased.
 * @throws ErasureSuperseded when a keeper of a later epoch has written it
 */
export async function setErasureGuard(ports: GuardPorts, epoch: number, guard: ErasureGuard): Promise<void> {
  const value = Buffer.from(JSON.stringify({ epoch, ...guard }));
  for (;;) {
    const before = await read(ports);
    assertNotLater(before?.epoch, epoch);
    if ((await ports.heads.compareAndSet(keyOf(ports), value, before?.revision ?? 0)) !== undefined) return;
  }
}

/** @throws ErasureSuperseded when a keeper of a later epoch has written the guard */
export async function assertErasureGuard(ports: GuardPorts, epoch: number): Promise<void> {
  assertNotLater((await read(ports))?.epoch, epoch);
}

/** What all ingestors of a node pass; they share reads of the guard. */
export class ErasureGate {
  readonly #clock: Clock;
  readonly #guard: SharedRead<ErasureGuard | undefined>;

  constructor(ports: GuardPorts & Pick<DatasetPorts, 'clock'>) {
    this.#clock = ports.clock;
    this.#guard = new SharedRead(() => read(ports));
  }

  /**
   * Resolves when an item with this content may be stored.
   * @throws the signal's reason
   */
  async pass(
    { content, sequence }: { readonly content: string; readonly sequence: number },
    signal: AbortSignal,
  ): Promise<void> {
    for (;;) {
      const guard = await this.#guard.get();
      if (guard === undefined || !guard.contents.includes(content)) return;
      if (guard.through !== null && sequence <= guard.through) return;
      await pause(this.#clock, RETRY_MS, signal);
      signal.throwIfAborted();
    }
  }
}

async function read(ports: GuardPorts) {
  const record = await ports.heads.get(keyOf(ports));
  if (record === undefined) return undefined;
  const guard = recordSchema.parse(JSON.parse(Buffer.from(record.value).toString()));
  return { ...guard, revision: record.revision };
}

function assertNotLater(found: number | undefined, epoch: number): void {
  if (found === undefined || found <= epoch) return;
  throw new ErasureSuperseded(`erasures of epoch ${epoch}: a keeper of epoch ${found} goes on with them`);
}

function keyOf({ dataset }: GuardPorts): string {
  return `${dataset}.erasing`;
}
