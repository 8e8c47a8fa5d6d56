// A dataset that is held against another one: what the other has is refused, with the pair as proof, and the other does not
// change.
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestPictures, testPictures } from '../support/images.ts';
import { TroupeSystem } from '../support/troupe-system.ts';

describe('a dataset that is held against another', () => {
  let pictures: TestPictures;
  let system: TroupeSystem;
  const mine: { readonly id: string; readonly path: string }[] = [];

  async function outcomes(dataset: string): Promise<ReadonlyMap<string, string>> {
    const run = await system.command('manifest', 'export', dataset, '--format', 'jsonl', '--all');
    expect(run).toMatchObject({ code: 0 });
    const rows = run.stdout.trim().split('\n');
    return new Map(
      rows.map((line) => {
        const { id, outcome, reasons } = JSON.parse(line) as Record<string, string & string[]>;
        return [id ?? '', [outcome, ...(reasons ?? [])].join(' ')];
      }),
    );
  }

  async function published(dataset: string, ...paths: readonly string[]): Promise<void> {
    expect(await system.command('publish', dataset, ...paths, '--wait')).toMatchObject({ code: 0 });
    expect(await system.command('manifest', 'cut', dataset)).toMatchObject({ code: 0 });
  }

  beforeAll(async () => {
    pictures = await testPictures(40);
    system = await TroupeSystem.up({ config: { version: 1, datasets: { train: {} } }, dataset: 'train' });
    const [first, second, third] = pictures.of('scene').map(({ path }) => path) as [string, string, string];
    await published('train', first, second);
    const [same, near] = [join(pictures.folder, 'same.jpg'), join(pictures.folder, 'near.jpg')];
    await copyFile(first, same);
    await sharp(second).jpeg({ quality: 60 }).toFile(near);
    mine.push(...[same, near, third].map((path) => ({ id: path, path })));
    const created = await system.command('dataset', 'create', 'test', 'dedup.against=["train"]');
    expect(created).toMatchObject({ code: 0 });
    await published('test', ...mine.map(({ path }) => path));
  });

  afterAll(async () => {
    await system?.[Symbol.asyncDispose]();
    await pictures?.[Symbol.asyncDispose]();
  });

  const ending = (rows: ReadonlyMap<string, string>, name: string) =>
    [...rows].find(([id]) => id.endsWith(name))?.[1];

  it('refuses what the other has, equal or alike, and keeps the rest', async () => {
    const rows = await outcomes('test');
    expect(ending(rows, 'same.jpg')).toBe('rejected against.train.exact');
    expect(ending(rows, 'near.jpg')).toBe('rejected against.train.near');
    expect([...rows.values()].filter((outcome) => outcome === 'kept')).toHaveLength(1);
  });

  it('says so, with what was measured', async () => {
    const rows = await outcomes('test');
    const id = [...rows.keys()].find((each) => each.endsWith('near.jpg')) ?? '';
    const { stdout } = await system.command('explain', 'test', id);
    expect(stdout).toMatch(/near a content of train: distance 0\.\d+/);
    expect(stdout).toContain('rejected, judged again (against.train.near)');
  });

  it('leaves the other as it is', async () => {
    const digest = await system.manifestDigest();
    expect([...(await outcomes('train')).values()]).toEqual(['kept', 'kept']);
    expect(await system.command('manifest', 'verify', 'train')).toMatchObject({ code: 0 });
    expect(await system.manifestDigest()).toBe(digest);
  });

  it('keeps everything once it is held against nothing, and refuses it again when it is, without publishing again', async () => {
    const set = (against: string) =>
      system.command('dataset', 'set', 'test', `dedup.against=${against}`, '--wait');
    expect(await set('[]')).toMatchObject({ code: 0 });
    expect(await system.command('manifest', 'cut', 'test')).toMatchObject({ code: 0 });
    expect([...(await outcomes('test')).values()]).toEqual(['kept', 'kept', 'kept']);
    expect(await set('["train"]')).toMatchObject({ code: 0 });
    expect(await system.command('manifest', 'cut', 'test')).toMatchObject({ code: 0 });
    expect(ending(await outcomes('test'), 'near.jpg')).toBe('rejected against.train.near');
    expect(await system.command('audit', 'test')).toMatchObject({ code: 0 });
  });
});
