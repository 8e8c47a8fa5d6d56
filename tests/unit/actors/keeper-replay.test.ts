import { afterEach, describe, expect, it } from 'vitest';
import { CrashPoint } from '#testkit';
import { datasetConfigSchema } from '../../../actors/config/index.ts';
import type { CutAnswer, SettledAnswer } from '../../../actors/keeper/keeper-messages.ts';
import type { KeepMessage, ReplayMessage } from '../../../actors/pipeline/messages.ts';
import { type RunningKeeper, startKeeper, stopKeepers } from '../../support/keepers.ts';
import { contentOf, edgeOf, judged } from '../../support/ledger-messages.ts';
import {
  type MemoryDataset,
  memoryCodec,
  memoryDataset,
  sharpnessAlone,
} from '../../support/memory-ports.ts';

afterEach(stopKeepers);

const config = datasetConfigSchema.parse({ shards: 2, rules: { weights: sharpnessAlone } });
const SECOND = { config, generation: { number: 2, base: 4 } };

/** Contents that were handed out to be compared, as `generation content`, by publication. */
function handedOut({ publisher }: MemoryDataset): readonly string[] {
  return publisher.stored
    .filter(({ subject }) => subject === 'work.replay')
    .map(({ data }) => {
      const { generation, facts } = memoryCodec.decode(data) as ReplayMessage;
      return `${generation} ${facts.content}`;
    });
}

function compared(content: string, change: Partial<Extract<KeepMessage, { type: 'compared' }>> = {}) {
  const answer = { type: 'compared', generation: 2, content: contentOf(content), edges: [], failure: null };
  return { ...answer, ...change } as KeepMessage;
}

const comparing = async (keeper: RunningKeeper) =>
  (await keeper.ask<SettledAnswer>({ op: 'settled', through: 0 })).comparing;

/** A dataset of `a` (content p) and `b` (content q), which are near each other, with its first manifest. */
async function cutDataset(): Promise<MemoryDataset> {
  const dataset = memoryDataset();
  const keeper = await startKeeper(dataset);
  await keeper.keep(judged(1, 'a', 'p', { edges: [edgeOf('p', 'q')] }), judged(2, 'b', 'q'));
  await keeper.cut();
  await keeper.system.stop();
  return dataset;
}

describe('the keeper of a dataset whose contents are to be compared anew', () => {
  it('hands each content out once, and makes the new generation the present one when all are compared', async () => {
    const dataset = await cutDataset();
    const switched: number[] = [];
    const keeper = await startKeeper(dataset, { next: SECOND, switched: (each) => void switched.push(each) });
    expect(handedOut(dataset)).toEqual([`2 ${contentOf('p')}`, `2 ${contentOf('q')}`]);
    await keeper.keep(compared('p'));
    expect(await comparing(keeper)).toMatchObject({ generation: 1, next: 2, pending: 1 });
    expect(switched).toEqual([]);
    await keeper.keep(compared('q'));
    expect(await comparing(keeper)).toMatchObject({ generation: 2, next: null, pending: 0 });
    expect(switched).toEqual([2]);
    expect(handedOut(dataset)).toHaveLength(2);
  });

  it('cuts by the present generation until the switch, and by the new one under the new configuration', async () => {
    const dataset = await cutDataset();
    const keeper = await startKeeper(dataset, { next: SECOND });
    await keeper.keep(judged(3, 'c', 'r'));
    const during = await keeper.ask<CutAnswer>({ op: 'cut' });
    expect(during.manifest.counts).toMatchObject({ kept: 2, duplicate: 1 });
    for (const content of ['p', 'q', 'r']) await keeper.keep(compared(content));
    expect(await keeper.ask({ op: 'cut' })).toMatchObject({ comparing: { generation: 2 } });
    await keeper.system.stop();
    const next = memoryDataset({ generation: SECOND.generation }).ports.generation;
    const after = await startKeeper({ ...dataset, ports: { ...dataset.ports, config, generation: next } });
    expect((await after.cut()).manifest.counts).toMatchObject({ kept: 3, duplicate: 0 });
  });

  it('has a content compared that was claimed in the former generation meanwhile, before or after the switch', async () => {
    const dataset = await cutDataset();
    const keeper = await startKeeper(dataset, { next: SECOND });
    await keeper.keep(compared('p'), judged(3, 'c', 'r'), judged(4, 'd', 's', { generation: 2 }));
    expect(await comparing(keeper)).toMatchObject({ next: 2, pending: 2 });
    await keeper.keep(compared('q'), compared('r'));
    expect(await comparing(keeper)).toMatchObject({ generation: 2, next: null, pending: 0 });
    await keeper.keep(judged(5, 'e', 't'));
    expect(await comparing(keeper)).toMatchObject({ generation: 2, pending: 1 });
    expect(handedOut(dataset).at(-1)).toBe(`2 ${contentOf('t')}`);
    await keeper.keep(compared('t'));
    expect(await comparing(keeper)).toMatchObject({ pending: 0 });
  });

  it('says which contents could not be compared, those whose comparison died among them', async () => {
    const dataset = await cutDataset();
    const keeper = await startKeeper(dataset, { next: SECOND });
    await keeper.keep(compared('p', { failure: 'not_found: gone' }), {
      type: 'dead',
      sequence: 2,
      id: 'b',
      stage: 'replay',
      reason: 'poison',
      attempts: 3,
    });
    expect(await comparing(keeper)).toMatchObject({
      generation: 2,
      failed: 2,
      failures: [
        { content: contentOf('p'), failure: 'not_found: gone' },
        { content: contentOf('q'), failure: 'poison' },
      ],
    });
    const { counts } = await keeper.ask<SettledAnswer>({ op: 'settled', through: 2 });
    expect(counts).toMatchObject({ eligible: 2, dead: 0 });
  });

  it('goes on where a former owner was, and tells of a switch that nobody heard of', async () => {
    const dataset = await cutDataset();
    const faults = new CrashPoint('replay.switched');
    const switched: number[] = [];
    const options = { next: SECOND, faults, switched: (each: number) => void switched.push(each) };
    const keeper = await startKeeper(dataset, options);
    await keeper.keep(compared('p'));
    await keeper.keep(compared('q'));
    await dataset.clock.advance(1_000);
    expect(keeper.events.filter(({ type }) => type === 'crashed')).toHaveLength(1);
    expect(switched).toEqual([2]);
    expect(dataset.queue('keep').inState('acked')).toHaveLength(4);
  });

  it('gives up a generation that is no longer asked for, and takes no answer for it', async () => {
    const dataset = await cutDataset();
    const keeper = await startKeeper(dataset, { next: SECOND });
    await keeper.keep(compared('p', { edges: [edgeOf('p', 's')] }));
    await keeper.system.stop();
    const former = await startKeeper(dataset);
    await former.keep(compared('q'));
    expect(await comparing(former)).toMatchObject({ generation: 1, next: null, pending: 0 });
    expect(await former.cut()).toMatchObject({ unchanged: true });
  });

  it('deletes what shards before the present generation left behind when the next one begins, once', async () => {
    const dataset = await cutDataset();
    let times = 0;
    const ports = {
      ...dataset.ports,
      forgetShards: async () => {
        times += 1;
      },
    };
    await startKeeper({ ...dataset, ports }, { next: SECOND });
    await stopKeepers();
    await startKeeper({ ...dataset, ports }, { next: SECOND });
    expect(times).toBe(1);
  });
});
