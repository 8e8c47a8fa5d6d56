import { describe, expect, it } from 'vitest';
import { datasetConfigSchema } from '#actors';
import { MemoryRecords } from '#testkit';
import { DatasetRegistry, recordedShards } from '../../../cli/node/dataset-registry.ts';

const configOf = (change: Readonly<Record<string, unknown>> = {}) => datasetConfigSchema.parse(change);

describe('the dataset registry', () => {
  it('gives back what was recorded, sorted by name', async () => {
    const registry = new DatasetRegistry(new MemoryRecords());
    const flat = configOf({ shards: 2, rules: { keepAt: 0.7 }, limits: { maxBytes: '1MiB' } });
    await registry.put('photos', 'file', flat);
    await registry.put('art', 'command', configOf());
    const generation = { number: 1, base: 0 };
    expect(await registry.get('photos')).toEqual({ origin: 'file', config: flat, generation });
    expect([...(await registry.list())].map(([name, { origin }]) => [name, origin])).toEqual([
      ['art', 'command'],
      ['photos', 'file'],
    ]);
    expect(await registry.get('nobody')).toBeUndefined();
  });

  it('takes a changed configuration, and writes nothing when nothing changed', async () => {
    const trace: string[] = [];
    const registry = new DatasetRegistry(new MemoryRecords(trace));
    await registry.put('photos', 'file', configOf());
    await registry.put('photos', 'file', configOf());
    expect(trace).toEqual(['record photos']);
    await registry.put('photos', 'file', configOf({ rules: { keepAt: 0.9 } }));
    expect((await registry.get('photos'))?.config.rules.keepAt).toBe(0.9);
    expect(trace).toHaveLength(2);
  });

  it('records a change that the index does not survive as a replay, with shards of its own, and what was is in force until then', async () => {
    const registry = new DatasetRegistry(new MemoryRecords());
    await registry.put('photos', 'file', configOf({ shards: 4 }));
    expect(await registry.put('photos', 'file', configOf({ shards: 2 }))).toBe('replays');
    const record = await registry.get('photos');
    expect(record).toMatchObject({
      config: { shards: 4 },
      generation: { number: 1, base: 0 },
      replay: { config: { shards: 2 }, generation: { number: 2, base: 4 } },
    });
    expect(record && recordedShards(record)).toEqual([0, 1, 2, 3, 4, 5]);
    await registry.switched('photos', 1);
    expect(await registry.get('photos')).toEqual(record);
    await registry.switched('photos', 2);
    await registry.switched('photos', 2);
    const after = await registry.get('photos');
    expect(after).toMatchObject({ config: { shards: 2 }, generation: { number: 2, base: 4 } });
    expect(after && recordedShards(after)).toEqual([4, 5]);
    expect(after).not.toHaveProperty('replay');
  });

  it('uses no number of a generation or shard twice, also of replays that were given up', async () => {
    const registry = new DatasetRegistry(new MemoryRecords());
    await registry.put('photos', 'file', configOf({ shards: 4 }));
    await registry.put('photos', 'file', configOf({ shards: 2 }));
    expect(await registry.put('photos', 'file', configOf({ shards: 4 }))).toBe('changed');
    expect(await registry.get('photos')).not.toHaveProperty('replay');
    await registry.put('photos', 'file', configOf({ shards: 3 }));
    expect((await registry.get('photos'))?.replay).toMatchObject({ generation: { number: 3, base: 6 } });
  });

  it('goes on with a replay when what is asked for differs in what takes force at a cut', async () => {
    const registry = new DatasetRegistry(new MemoryRecords());
    await registry.put('photos', 'file', configOf());
    await registry.put('photos', 'file', configOf({ shards: 8 }));
    await registry.put('photos', 'file', configOf({ shards: 8, rules: { keepAt: 0.9 } }));
    expect((await registry.get('photos'))?.replay).toMatchObject({
      config: { shards: 8, rules: { keepAt: 0.9 } },
      generation: { number: 2 },
    });
  });

  it('reads again when another writer was faster', async () => {
    const records = new MemoryRecords();
    const registry = new DatasetRegistry(records);
    const write = records.compareAndSet.bind(records);
    let raced = false;
    records.compareAndSet = async (key, value, revision) => {
      if (!raced) {
        raced = true;
        await new DatasetRegistry(records).put('photos', 'command', configOf({ shards: 2 }));
      }
      return write(key, value, revision);
    };
    await registry.put('photos', 'file', configOf({ shards: 3 }));
    expect(await registry.get('photos')).toMatchObject({
      origin: 'file',
      config: { shards: 2 },
      replay: { config: { shards: 3 } },
    });
  });

  it('refuses a record that is no dataset instead of running it', async () => {
    const records = new MemoryRecords();
    await records.compareAndSet('photos', Buffer.from('{"origin":"file","config":{"kind":"video"}}'), 0);
    await expect(new DatasetRegistry(records).list()).rejects.toThrow();
  });
});
