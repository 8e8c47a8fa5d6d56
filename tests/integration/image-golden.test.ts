import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  analyseImage,
  comparePixels,
  DEFAULT_PIXEL_THRESHOLD,
  hashImage,
  type ImageAnalysis,
} from '../../actors/image/index.ts';

const data = fileURLToPath(new URL('../../../shared/data/', import.meta.url));
const absent = !existsSync(data);
const because = absent ? ' (skipped: ../shared/data is absent)' : '';
const limits = { maxPixels: 50_000_000, maxBytes: 20_000_000 };

function read(name: string): Promise<Buffer> {
  return readFile(`${data}${name}`);
}

describe.skipIf(absent)(`hashes of real files${because}`, () => {
  it('equal those of Python imagehash 4.3.2, bit for bit', async () => {
    const golden = JSON.parse(await readFile(`${data}golden-hashes.json`, 'utf8')) as {
      hashes: Record<string, readonly [string | null, string | null]>;
    };
    const different: string[] = [];
    const entries = Object.entries(golden.hashes);
    for (const [name, [phash, dhash]] of entries) {
      const found = await hashImage(await read(name));
      if (phash !== null && found.phash !== phash) different.push(`${name} phash`);
      if (dhash !== null && found.dhash !== dhash) different.push(`${name} dhash`);
    }
    expect(different).toEqual([]);
    expect(entries.length).toBeGreaterThan(200);
  });
});

describe.skipIf(absent)(`odd files${because}`, () => {
  it('are typed by content, not by name', async () => {
    for (const name of ['ukbench09380.bmp', 'ukbench09380.png', 'ukbench09380.svg']) {
      expect((await analyseImage(await read(`odd/${name}`), limits)).mediaType).toBe('image/jpeg');
    }
  });

  it('are all decoded, but for the corrupt one', async () => {
    const failed: string[] = [];
    for (const name of await readdir(`${data}odd`)) {
      await analyseImage(await read(`odd/${name}`), limits).catch((error: unknown) => {
        failed.push(`${name} ${(error as { code?: string }).code}`);
      });
    }
    expect(failed).toEqual(['ukbench09268_corrupt.jpg corrupt_image']);
  });
});

describe.skipIf(absent)(`pairs of real pictures${because}`, () => {
  let edits: Map<string, ImageAnalysis>;

  beforeAll(async () => {
    edits = new Map();
    for (const name of await readdir(`${data}edits`)) {
      edits.set(name, await analyseImage(await read(`edits/${name}`), limits));
    }
  });

  function editDistance(name: string): number {
    const [original, edit] = [edits.get('aaa-orig.jpg'), edits.get(name)];
    if (original === undefined || edit === undefined) throw new Error(`${name} is absent`);
    return comparePixels(original.pixels, edit.pixels).distance;
  }

  it('are confirmed where one is an edit of the other, and not where it is turned or mirrored', () => {
    const turned = [...edits.keys()].filter((name) => /-(rotate|flip)/.test(name));
    const edited = [...edits.keys()].filter((name) => !turned.includes(name));
    expect(turned.length).toBe(7);
    expect(edited.length).toBe(13);
    for (const name of edited) expect(editDistance(name), name).toBeLessThanOrEqual(DEFAULT_PIXEL_THRESHOLD);
    for (const name of turned) expect(editDistance(name), name).toBeGreaterThan(DEFAULT_PIXEL_THRESHOLD);
  });

  it('are not confirmed where two garments have close hashes', async () => {
    const rows = (await readFile(`${data}clothing/phash-le10-pairs.csv`, 'utf8'))
      .trim()
      .split('\n')
      .slice(1, 61);
    const proxies = new Map<string, Uint8Array>();
    const proxy = async (name: string): Promise<Uint8Array> => {
      const known = proxies.get(name) ?? (await analyseImage(await read(`clothing/${name}`), limits)).pixels;
      proxies.set(name, known);
      return known;
    };
    const confirmed: string[] = [];
    for (const row of rows) {
      const [, a = '', b = ''] = row.split(',');
      if (comparePixels(await proxy(a), await proxy(b)).distance <= DEFAULT_PIXEL_THRESHOLD)
        confirmed.push(row);
    }
    expect(confirmed).toEqual([]);
  });
});
