import { describe, expect, it } from 'vitest';
import { datasetConfigSchema } from '#actors';
import { MemoryRecords } from '#testkit';
import { DatasetRegistry, ShardCountFixed } from '../../../cli/node/dataset-registry.ts';

const configOf = (change: Readonly<Record<string, unknown>> = {}) => datasetConfigSchema.parse(change);

describe('the dataset registry', () => {
  it('gives back what was recorded, sorted by name', async () => {
    const registry = new DatasetRegistry(new MemoryRecords());
    const flat = configOf({ shards: 2, rules: { keepAt: 0.7 }, limits: { maxBytes: '1MiB' } });
    await registry.put('photos', 'file', flat);
    await registry.put('art', 'command', configOf());
    expect(await registry.get('photos')).toEqual({ origin: 'file', config: flat });
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

  it('refuses another shard count, naming both', async () => {
    const registry = new DatasetRegistry(new MemoryRecords());
    await registry.put('photos', 'file', configOf({ shards: 4 }));
    const refused = registry.put('photos', 'file', configOf({ shards: 8 }));
    await expect(refused).rejects.toBeInstanceOf(ShardCountFixed);
    await expect(refused).rejects.toThrow(/photos.*expected 4.*got 8/);
    expect((await registry.get('photos'))?.config.shards).toBe(4);
    await registry.delete('photos');
    await registry.put('photos', 'file', configOf({ shards: 8 }));
    expect((await registry.get('photos'))?.config.shards).toBe(8);
  });

  it('reads again when another writer was faster, and still keeps the shard count', async () => {
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
    await expect(registry.put('photos', 'file', configOf({ shards: 3 }))).rejects.toBeInstanceOf(
      ShardCountFixed,
    );
    expect(await registry.get('photos')).toMatchObject({ origin: 'command', config: { shards: 2 } });
  });

  it('refuses a record that is no dataset instead of running it', async () => {
    const records = new MemoryRecords();
    await records.compareAndSet('photos', Buffer.from('{"origin":"file","config":{"kind":"video"}}'), 0);
    await expect(new DatasetRegistry(records).list()).rejects.toThrow();
  });
});
