// A dataset that is changed while the shards of its former tree are still being started: what ended answers nobody.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { followDatasets } from '../../cli/node/change-dataset.ts';
import { TroupeSystem } from '../support/troupe-system.ts';

let system: TroupeSystem;

beforeAll(async () => {
  system = await TroupeSystem.up({ dataset: 'art' });
  expect(await system.command('dataset', 'create', 'art', 'shards=1')).toMatchObject({ code: 0 });
});

afterAll(() => system?.[Symbol.asyncDispose]());

describe('a dataset that is changed again and again', () => {
  it('has a keeper that answers as soon as the node has followed the last change', async () => {
    const client = await system.connect();
    const { config } = (await client.registry.get('art')) ?? { config: undefined };
    if (config === undefined) throw new Error('art is not recorded');
    for (let round = 0; round < 6; round += 1) {
      const following: Promise<boolean>[] = [];
      for (let change = 0; change < 6; change += 1) {
        const maxPixels = 1_000_000 + change + round * 6;
        await client.registry.put('art', 'command', { ...config, limits: { ...config.limits, maxPixels } });
        following.push(followDatasets(client));
        // Each later one finds the shards of the one before at another step of their start.
        for (let reads = 0; reads < change * 4; reads += 1) await client.registry.get('art');
      }
      await Promise.all(following);
      expect(await system.command('explain', 'art', 'nothing')).toMatchObject({ code: 1 });
    }
  });

  it('keeps what it has where a node refuses the model that it is given, and a new one is not made', async () => {
    const set = await system.command('dataset', 'set', 'art', 'model=nope', '--json');
    expect(set.code).toBe(2);
    expect(JSON.parse(set.stderr)).toMatchObject({ error: 'config_invalid' });
    expect(set.stderr).toContain('expected one of troupe-tiny, got nope');
    const shown = await system.command('dataset', 'show', 'art', '--json');
    expect(JSON.parse(shown.stdout)).toMatchObject({ config: { model: 'troupe-tiny' } });
    expect(await system.command('audit', 'art')).toMatchObject({ code: 0 });

    const created = await system.command('dataset', 'create', 'other', 'model=nope', '--json');
    expect(created.code).toBe(2);
    expect(created.stderr).toContain('config_invalid');
    expect(await system.command('dataset', 'show', 'other')).toMatchObject({ code: 2 });
    expect(await system.command('publish', 'other', '.')).toMatchObject({ code: 2 });
    expect(await system.command('audit', 'art')).toMatchObject({ code: 0 });
  });
});
