import { createHash, randomBytes } from 'node:crypto';
import { Kvm } from '@nats-io/kv';
import { Objm } from '@nats-io/obj';
import { expect, it } from 'vitest';
import {
  ensureDataset,
  ensureSystem,
  InvalidName,
  NatsBlobs,
  NatsEntries,
  NatsRecords,
  NatsUploads,
  namesOf,
  ObjectBucket,
  ObjectDamaged,
  objectStream,
  recordStream,
  SharedCache,
  streamState,
  UploadNotFound,
  UploadTooLarge,
} from '#nats';
import { bytes, describeOnServers, smallDataset, text } from './nats-harness.ts';

await describeOnServers('records', (under) => {
  async function bucket() {
    const link = await under.link();
    const names = namesOf(under.newSystem());
    await ensureSystem(link, { system: names.system });
    return { link, bucket: names.records.shards, records: new NatsRecords(link, names.records.shards) };
  }

  it('change only at the revision which the writer saw', async () => {
    const { records } = await bucket();
    expect(await records.get('shard.1')).toBeUndefined();
    const first = await records.compareAndSet('shard.1', bytes('a'), 0);
    expect(await records.compareAndSet('shard.1', bytes('b'), 0)).toBeUndefined();
    const second = await records.compareAndSet('shard.1', bytes('b'), first ?? -1);
    expect(await records.compareAndSet('shard.1', bytes('c'), first ?? -1)).toBeUndefined();
    expect(await records.get('shard.1')).toEqual({ value: bytes('b'), revision: second });
  });

  it('let exactly one of many writers win each revision', async () => {
    const { records } = await bucket();
    let revision = 0;
    for (let round = 0; round < 5; round++) {
      const attempts = Array.from({ length: 20 }, (_, index) =>
        records.compareAndSet('leader', bytes(`${round}-${index}`), revision),
      );
      const won = (await Promise.all(attempts)).filter((result) => result !== undefined);
      expect(won).toHaveLength(1);
      revision = won[0] ?? 0;
    }
  });

  it('are absent after a delete, cost nothing then, and can be made again', async () => {
    const { link, records, bucket: name } = await bucket();
    const first = await records.compareAndSet('a', bytes('1'), 0);
    await records.delete('a');
    expect(await records.get('a')).toBeUndefined();
    expect((await streamState(link, `KV_${name}`)).messages).toBe(0);
    expect(await records.compareAndSet('a', bytes('2'), first ?? -1)).toBeUndefined();
    expect(await records.compareAndSet('a', bytes('2'), 0)).toBeGreaterThan(first ?? 0);
  });

  it('are followed by revision: what changed since then, each key once, at its newest value', async () => {
    const { records } = await bucket();
    expect(await records.changes(0)).toEqual([]);
    const first = await records.compareAndSet('photos.1', bytes('a'), 0);
    await records.compareAndSet('photos.2', bytes('b'), 0);
    const third = await records.compareAndSet('photos.1', bytes('c'), first ?? -1);
    const all = await records.changes(0);
    expect(all.map(({ key, value }) => `${key} ${text(value)}`)).toEqual(['photos.2 b', 'photos.1 c']);
    expect(all.at(-1)?.revision).toBe(third);
    expect(await records.changes(third ?? 0)).toEqual([]);
  });

  it.each([
    ['a few', 20],
    ['more than are read at once', 200],
  ])('miss nobody’s newest value while %s of them change', async (_, count) => {
    const { records } = await bucket();
    const seen = new Map<string, string>();
    let known = 0;
    const follow = async () => {
      for (const { key, value, revision } of await records.changes(known)) {
        seen.set(key, text(value));
        known = revision;
      }
    };
    for (const round of ['first', 'second']) {
      const written = Array.from({ length: count }, async (_, at) => {
        const revision = (await records.get(`photos.${at}`))?.revision ?? 0;
        await records.compareAndSet(`photos.${at}`, bytes(round), revision);
      });
      await follow();
      await Promise.all(written);
      await follow();
      const values = Array.from({ length: count }, (_, at) => seen.get(`photos.${at}`));
      expect(values.filter((value) => value !== round)).toEqual([]);
    }
  });

  it('tell the last change of many keys in one read of the leader', async () => {
    const { link, records, bucket: name } = await bucket();
    const last = async (filter: string) => {
      const found = await link.manager.streams.getMessage(`KV_${name}`, {
        last_by_subj: `$KV.${name}.${filter}`,
      });
      return found?.seq;
    };
    const one = await records.compareAndSet('photos.1', bytes('a'), 0);
    await records.compareAndSet('other.1', bytes('a'), 0);
    expect(await last('photos.>')).toBe(one);
    const keeper = await records.compareAndSet('photos.keeper', bytes('a'), 0);
    await records.compareAndSet('other.1', bytes('b'), 2);
    expect(await last('photos.>')).toBe(keeper);
    expect(await records.compareAndSet('photos.1', bytes('b'), one ?? -1)).toBe(await last('photos.>'));
  });

  it('are deleted only at the revision which the writer saw', async () => {
    const { records } = await bucket();
    const first = await records.compareAndSet('photos.1', bytes('a'), 0);
    const second = await records.compareAndSet('photos.1', bytes('b'), first ?? -1);
    expect(await records.deleteAt('photos.1', first ?? -1)).toBe(false);
    expect(text((await records.get('photos.1'))?.value)).toBe('b');
    expect(await records.deleteAt('photos.1', second ?? -1)).toBe(true);
    expect(await records.get('photos.1')).toBeUndefined();
    expect(await records.compareAndSet('photos.1', bytes('c'), second ?? -1)).toBeUndefined();
    expect(await records.compareAndSet('photos.1', bytes('c'), 0)).toBeGreaterThan(second ?? 0);
  });

  it('are listed by key, without what other clients deleted', async () => {
    const { link, records, bucket: name } = await bucket();
    for (const key of ['node.b', 'node.a', 'other', 'x/y=z']) await records.compareAndSet(key, bytes(key), 0);
    const kv = await new Kvm(link.connection).open(name);
    expect(text((await kv.get('node.a'))?.value)).toBe('node.a');
    await kv.delete('other');
    expect(await records.keys()).toEqual(['node.a', 'node.b', 'x/y=z']);
    expect((await records.entries('node.')).map(({ value }) => text(value))).toEqual(['node.a', 'node.b']);
    expect(await records.compareAndSet('other', bytes('again'), 0)).toBeDefined();
    await expect(records.get('a b')).rejects.toThrow(InvalidName);
  });
});

await describeOnServers('entries', (under) => {
  async function entries() {
    const link = await under.link();
    const names = namesOf(under.newSystem());
    await ensureDataset(link, 'photos', smallDataset(names.system));
    const bucket = names.records.details('photos');
    return { link, bucket, blobs: new NatsEntries(link, bucket) };
  }

  it('come back as they were, whatever their key and size', async () => {
    const { blobs } = await entries();
    for (const key of ['proxy/0a', 'image@2/a b/=c/é.*>', 'image=402']) {
      for (const size of [0, 1, 20_000]) {
        const body = new Uint8Array(randomBytes(size));
        await blobs.put(key, body);
        expect(await blobs.get(key)).toEqual(body);
      }
    }
    expect(await blobs.get('image@2')).toBeUndefined();
    expect(await blobs.has('image=402')).toBe(true);
    expect(await blobs.has('image')).toBe(false);
  });

  it('are one message each, stored once when put again, replaced when different, and gone when deleted', async () => {
    const { link, bucket, blobs } = await entries();
    const state = () => streamState(link, recordStream(bucket));
    expect(await blobs.put('k', bytes('one'))).toBe(true);
    const { lastSequence } = await state();
    expect(await blobs.put('k', bytes('one'))).toBe(false);
    expect(await state()).toMatchObject({ lastSequence, messages: 1 });
    expect(await blobs.put('k', bytes('other'))).toBe(true);
    expect(text(await blobs.get('k'))).toBe('other');
    expect((await state()).messages).toBe(1);
    await blobs.delete('k');
    await blobs.delete('k');
    expect(await blobs.has('k')).toBe(false);
    expect((await state()).messages).toBe(0);
    await blobs.put('k', bytes('again'));
    expect(text(await blobs.get('k'))).toBe('again');
  });

  it('keep a note beside their bytes, which a later one replaces and a put without one leaves', async () => {
    const { link, bucket, blobs } = await entries();
    const body = bytes('body');
    expect(await blobs.getNoted('k')).toBeUndefined();
    expect(await blobs.put('k', body)).toBe(true);
    expect(await blobs.getNoted('k')).toEqual({ bytes: body, note: undefined });
    const note = JSON.stringify({ facts: 'a: b, c', empty: '' });
    expect(await blobs.put('k', body, note)).toBe(false);
    expect(await blobs.put('k', body)).toBe(false);
    expect(await blobs.getNoted('k')).toEqual({ bytes: body, note });
    expect(await blobs.get('k')).toEqual(body);
    expect(await blobs.put('k', bytes('other'), 'of the other')).toBe(true);
    expect(await blobs.getNoted('k')).toEqual({ bytes: bytes('other'), note: 'of the other' });
    expect((await streamState(link, recordStream(bucket))).messages).toBe(1);
    await expect(blobs.put('k', body, 'two\nlines')).rejects.toThrow(TypeError);
  });

  it('under a key that names their bytes are stored by the first to put them, who is told', async () => {
    const { link, bucket, blobs } = await entries();
    const body = new Uint8Array(randomBytes(20_000));
    const stored = await Promise.all([1, 2, 3].map(() => blobs.putNamed('content/0a', body)));
    expect(stored.filter((isNew) => isNew)).toHaveLength(1);
    expect(await blobs.putNamed('content/0a', body)).toBe(false);
    expect(await blobs.get('content/0a')).toEqual(body);
    expect((await streamState(link, recordStream(bucket))).lastSequence).toBe(1);
    await blobs.delete('content/0a');
    expect(await blobs.putNamed('content/0a', body)).toBe(true);
  });

  it('written by several at once are one of what was written', async () => {
    const { link, bucket, blobs } = await entries();
    const bodies = Array.from({ length: 8 }, (_, index) => new Uint8Array(2_000).fill(index + 1));
    await Promise.all(bodies.map((body) => blobs.put('same', body)));
    const body = await blobs.get('same');
    expect(bodies.some((candidate) => Buffer.compare(candidate, body ?? bytes('')) === 0)).toBe(true);
    expect((await streamState(link, recordStream(bucket))).messages).toBe(1);
  });

  it('are what other NATS clients read', async () => {
    const { link, bucket, blobs } = await entries();
    await blobs.put('payload/0a', bytes('value'));
    const kv = await new Kvm(link.connection).open(bucket);
    expect(text((await kv.get('payload/0a'))?.value)).toBe('value');
  });
});

await describeOnServers('objects', (under) => {
  async function uploads() {
    const link = await under.link();
    const names = namesOf(under.newSystem());
    await ensureSystem(link, { system: names.system });
    const bucket = names.objects.uploads;
    return { link, bucket, blobs: new NatsBlobs(link, bucket), uploads: new NatsUploads(link, bucket) };
  }

  it('come back as they were, whatever their size', async () => {
    const { blobs } = await uploads();
    for (const size of [0, 1, 128 * 1024, 128 * 1024 + 1, 3_000_000]) {
      const body = new Uint8Array(randomBytes(size));
      await blobs.put(`a/b c/${size}`, body);
      const back = await blobs.get(`a/b c/${size}`);
      expect(Buffer.compare(back ?? bytes('absent'), body)).toBe(0);
    }
    expect(await blobs.has('a/b c/1')).toBe(true);
    expect(await blobs.has('a')).toBe(false);
    expect(await blobs.get('a')).toBeUndefined();
  });

  it('are stored once when put again, replaced when different, and gone when deleted', async () => {
    const { link, bucket, blobs } = await uploads();
    const messages = async () => (await streamState(link, objectStream(bucket))).messages;
    await blobs.put('k', bytes('one'));
    const { lastSequence } = await streamState(link, objectStream(bucket));
    await blobs.put('k', bytes('one'));
    expect((await streamState(link, objectStream(bucket))).lastSequence).toBe(lastSequence);
    await blobs.put('k', bytes('other'));
    expect(text(await blobs.get('k'))).toBe('other');
    expect(await messages()).toBe(2);
    await blobs.delete('k');
    await blobs.delete('k');
    expect(await blobs.has('k')).toBe(false);
    expect(await messages()).toBe(0);
  });

  it('written by several at once leave one whole object and nothing else', async () => {
    const { link, bucket, blobs } = await uploads();
    const bodies = Array.from({ length: 8 }, (_, index) => new Uint8Array(200_000).fill(index + 1));
    await Promise.all(bodies.map((body) => blobs.put('same', body)));
    const body = await blobs.get('same');
    expect(bodies.some((candidate) => Buffer.compare(candidate, body ?? bytes('')) === 0)).toBe(true);
    expect((await streamState(link, objectStream(bucket))).messages).toBe(3);
  });

  it('are what other NATS clients read and write', async () => {
    const { link, bucket, blobs } = await uploads();
    const body = new Uint8Array(randomBytes(400_000));
    await blobs.put('ours/1', body);
    const store = await new Objm(link.connection).open(bucket);
    expect(Buffer.compare((await store.getBlob('ours/1')) ?? bytes(''), body)).toBe(0);
    await store.putBlob({ name: 'theirs' }, body);
    expect(Buffer.compare((await blobs.get('theirs')) ?? bytes(''), body)).toBe(0);
    await store.delete('theirs');
    expect(await blobs.has('theirs')).toBe(false);
    await blobs.put('theirs', bytes('new'));
    expect(text(await blobs.get('theirs'))).toBe('new');
  });

  it('with a missing chunk are reported as damaged', async () => {
    const { link, bucket } = await uploads();
    const objects = new ObjectBucket(link, bucket);
    const description = await objects.put('x', new Uint8Array(300_000));
    await link.manager.streams.deleteMessage(objectStream(bucket), 2);
    const blobs = new NatsBlobs(link, bucket);
    expect(description.chunks).toBe(3);
    await expect(blobs.get('x')).rejects.toThrow(ObjectDamaged);
  });

  it('uploaded as a stream are read by their URI, within the limit', async () => {
    const { uploads: store } = await uploads();
    const hash = createHash('sha256');
    async function* body() {
      const reused = new Uint8Array(100_000);
      for (let part = 0; part < 20; part++) {
        reused.fill(part);
        hash.update(reused);
        yield reused;
      }
    }
    const uri = await store.put('folder/big file.jpg', body());
    expect(uri).toMatch(/^obj:\/\/sys\d+-uploads\/folder\/big%20file\.jpg$/);
    const back = await store.read(uri, 2_000_000);
    expect(createHash('sha256').update(back).digest('hex')).toBe(hash.digest('hex'));
    await expect(store.read(uri, 1_999_999)).rejects.toThrow(UploadTooLarge);
    await expect(store.read(`${uri}x`, 10)).rejects.toThrow(UploadNotFound);
    await expect(store.read('obj://other/x', 10)).rejects.toThrow(UploadNotFound);
    await store.delete(uri);
    await expect(store.read(uri, 10)).rejects.toThrow(UploadNotFound);
  });

  it('are not stored when their source fails', async () => {
    const { blobs, uploads: store } = await uploads();
    async function* broken() {
      yield new Uint8Array(200_000);
      throw new Error('source broke');
    }
    await expect(store.put('broken', broken())).rejects.toThrow('source broke');
    expect(await blobs.has('broken')).toBe(false);
  });
});

await describeOnServers('a cache that all nodes share', (under) => {
  async function cache() {
    const link = await under.link();
    const names = namesOf(under.newSystem());
    await ensureSystem(link, { system: names.system });
    const bucket = names.records.cache;
    return { link, bucket, cache: new SharedCache(link, bucket) };
  }

  it('gives back what was first put under a key, and knows how many entries each group has', async () => {
    const { cache: shared } = await cache();
    expect(await shared.put('image@2/a b/one', bytes('1'))).toBe(true);
    expect(await shared.put('image@2/a b/one', bytes('other'))).toBe(false);
    expect(await shared.put('image@2/a b/two', bytes('2'))).toBe(true);
    expect(await shared.put('é/three', bytes('3'))).toBe(true);
    expect(text(await shared.get('image@2/a b/one'))).toBe('1');
    expect(await shared.get('image@2/one')).toBeUndefined();
    expect(Object.fromEntries((await shared.standing()).groups)).toEqual({ 'image@2/a b': 2, é: 1 });
  });

  it('forgets one key, a name in all groups, a group, or everything, and says how many that were', async () => {
    const { link, bucket, cache: shared } = await cache();
    for (const group of ['a', 'b', 'c']) {
      for (const name of ['x', 'y', 'z']) await shared.put(`${group}/${name}`, bytes(group + name));
    }
    await shared.delete('a/x');
    await shared.deleteNamed('y');
    expect(Object.fromEntries((await shared.standing()).groups)).toEqual({ a: 1, b: 2, c: 2 });
    expect(await shared.clear('b')).toBe(2);
    expect(await shared.has('b/x')).toBe(false);
    expect(await shared.clear()).toBe(3);
    expect((await streamState(link, recordStream(bucket))).messages).toBe(0);
    expect((await shared.standing()).groups).toEqual(new Map());
  });

  it('lets the oldest go when it is full, and holds nobody up when it is not there at all', async () => {
    const { link, bucket, cache: shared } = await cache();
    const stream = recordStream(bucket);
    const { config } = await link.manager.streams.info(stream);
    await link.manager.streams.update(stream, { ...config, max_bytes: 4_096 });
    for (let at = 0; at < 10; at++) await shared.put(`g/${at}`, new Uint8Array(1_000));
    expect(await shared.has('g/0')).toBe(false);
    expect(await shared.has('g/9')).toBe(true);
    await link.manager.streams.delete(stream);
    expect(await shared.put('g/9', bytes('9'))).toBe(false);
    expect(await shared.get('g/9')).toBeUndefined();
  });
});
