import { afterEach, describe, expect, it } from 'vitest';
import type { ActorSystem } from '#runtime';
import { cutSchema } from '../../../actors/config/cut.ts';
import { datasetConfigSchema, decidingConfig } from '../../../actors/config/index.ts';
import { CutPolicy } from '../../../actors/keeper/cut-policy.ts';
import { keeperActor } from '../../../actors/keeper/keeper.ts';
import { ManifestStore } from '../../../actors/keeper/manifest-store.ts';
import type { KeepMessage } from '../../../actors/pipeline/messages.ts';
import { judgingContext } from '../../../actors/rules/judging-context.ts';
import { dead, judged } from '../../support/ledger-messages.ts';
import { type MemoryDataset, memoryCodec, memoryDataset, numberKind } from '../../support/memory-ports.ts';
import { startActors } from '../../support/start-actors.ts';

const MINUTE_MS = 60_000;

let running: ActorSystem[] = [];
afterEach(async () => {
  for (const system of running) await system.stop();
  running = [];
});

async function startKeeper(dataset: MemoryDataset): Promise<ActorSystem> {
  const { ports } = dataset;
  const system = await startActors(dataset, [
    keeperActor(ports, judgingContext(ports.config, numberKind, ports.model)),
  ]);
  running.push(system);
  return system;
}

async function keep(dataset: MemoryDataset, ...messages: readonly KeepMessage[]): Promise<void> {
  dataset.queue('keep').add(...messages.map((message) => ({ data: memoryCodec.encode(message) })));
  await dataset.clock.settle();
}

/** Rows of each manifest, oldest first. */
async function cuts({ ports }: MemoryDataset): Promise<readonly number[]> {
  const { dataset, manifests: blobs, heads } = ports;
  return (await new ManifestStore({ dataset, blobs, heads }).list()).map(({ rows }) => rows);
}

const item = (sequence: number) => judged(sequence, `item ${sequence}`, `content ${sequence}`);

describe('a cut policy', () => {
  it('cuts nothing by default', async () => {
    const dataset = memoryDataset();
    await startKeeper(dataset);
    await keep(dataset, item(1), item(2));
    await dataset.clock.advance(1000 * MINUTE_MS);
    expect(await cuts(dataset)).toEqual([]);
    expect(dataset.clock.pendingTimers).toBe(0);
  });

  it('by number cuts when so many have settled since the last cut, and not before', async () => {
    const dataset = memoryDataset({ config: { cut: { everyItems: 3 } } });
    await startKeeper(dataset);
    await keep(dataset, item(1), item(2));
    expect(await cuts(dataset)).toEqual([]);
    await keep(dataset, item(3));
    expect(await cuts(dataset)).toEqual([3]);
    await keep(dataset, item(4), item(5));
    expect(await cuts(dataset)).toEqual([3]);
    await keep(dataset, item(6), item(7));
    expect(await cuts(dataset)).toEqual([3, 7]);
  });

  it('by time cuts after so much quiet; whatever settles meanwhile begins the quiet anew', async () => {
    const dataset = memoryDataset({ config: { cut: { quietMinutes: 5 } } });
    await startKeeper(dataset);
    await keep(dataset, item(1));
    await dataset.clock.advance(4 * MINUTE_MS);
    await keep(dataset, item(2));
    await dataset.clock.advance(4 * MINUTE_MS);
    expect(await cuts(dataset)).toEqual([]);
    await dataset.clock.advance(1 * MINUTE_MS);
    expect(await cuts(dataset)).toEqual([2]);
    await dataset.clock.advance(100 * MINUTE_MS);
    expect(await cuts(dataset)).toEqual([2]);
  });

  it('that finds nothing changed makes no manifest', async () => {
    const dataset = memoryDataset({ config: { cut: { everyItems: 2, quietMinutes: 5 } } });
    await startKeeper(dataset);
    await keep(dataset, item(1), item(2));
    await keep(dataset, dead(3), dead(4));
    await keep(dataset, { ...item(1), sequence: 5 });
    await dataset.clock.advance(6 * MINUTE_MS);
    expect(await cuts(dataset)).toEqual([2]);
  });

  it('survives a restart: what settled before it counts, and quiet is waited for again', async () => {
    const dataset = memoryDataset({ config: { cut: { everyItems: 3, quietMinutes: 5 } } });
    await (await startKeeper(dataset)).stop();
    await startKeeper(dataset);
    await keep(dataset, item(1), item(2));
    await running.at(-1)?.stop();
    await startKeeper(dataset);
    await dataset.clock.advance(5 * MINUTE_MS);
    expect(await cuts(dataset)).toEqual([2]);
    await keep(dataset, item(3), item(4));
    await running.at(-1)?.stop();
    await startKeeper(dataset);
    await keep(dataset, item(5));
    expect(await cuts(dataset)).toEqual([2, 5]);
  });

  it('starts counting again at a cut that a person asked for', () => {
    const policy = new CutPolicy({ everyItems: 3, quietMinutes: 1 }, 10);
    expect([policy.isDue(12), policy.isDue(13)]).toEqual([false, true]);
    policy.cutAt(13);
    expect([policy.isDue(13), policy.quietMs(13), policy.quietMs(14)]).toEqual([false, undefined, MINUTE_MS]);
  });

  it('decides nothing that a digest covers', () => {
    const plain = datasetConfigSchema.parse({});
    const policed = datasetConfigSchema.parse({ cut: { everyItems: 3, quietMinutes: 0.5 } });
    expect(decidingConfig(policed)).toEqual(decidingConfig(plain));
  });

  it.each([{ everyItems: 0 }, { everyItems: 1.5 }, { quietMinutes: 0 }, { every: 3 }])(
    'is refused with a number that makes no sense: %j',
    (config) => {
      expect(cutSchema.safeParse(config).success).toBe(false);
    },
  );
});
