// The configuration: defaults, every problem at once with its place, overrides from the environment, the example.

import { describe, expect, it } from 'vitest';
import { decidingConfig, parseByteSize } from '#actors';
import { ConfigError, configSchemaJson, exampleConfig, parseConfig } from '../../../cli/config/index.ts';

const parse = (text: string, env: Record<string, string> = {}) =>
  parseConfig({ text, place: 'troupe.yaml', env }).config;

function problemsOf(text: string, env: Record<string, string> = {}): readonly string[] {
  try {
    parse(text, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
  return [];
}

describe('the configuration', () => {
  it('without a file serves one image dataset called photos', () => {
    const config = parse('');
    expect(Object.keys(config.datasets)).toEqual(['photos']);
    expect(config).toMatchObject({ system: 'troupe', dataDir: '.troupe', durability: 'default' });
    expect(config.datasets.photos).toMatchObject({
      kind: 'image',
      shards: 4,
      limits: { maxBytes: 33_554_432, maxMetadataBytes: 65_536 },
      rules: {
        keepAt: 0.5,
        rejectBelow: 0.35,
        weights: { resolution: { weight: 0.3 }, sharpness: { weight: 0.4 }, entropy: { weight: 0.3 } },
        reject: [],
      },
    });
  });

  it('does not add photos when the file names its own datasets', () => {
    expect(Object.keys(parse('datasets: { cats: {} }').datasets)).toEqual(['cats']);
  });

  it('reports every problem at once, in the order of the file, each with line, column, expected and got', () => {
    const text = [
      'version: 2',
      'dataDri: x',
      'datasets:',
      '  photos:',
      '    limits:',
      '      maxBytes: 12parsec',
      '      maxPixels: "many"',
      '    rules: { keepAt: 0.1, rejectBelow: 0.5 }',
      '    dedup:',
      '    governance:',
      '      refuseSources: banned',
      '  Bad!: {}',
      'node: { decodeThreads: 0 }',
    ].join('\n');
    expect(problemsOf(text)).toEqual([
      'troupe.yaml:1:10 version: expected 1, got 2',
      expect.stringMatching(
        /^troupe\.yaml:2:1 dataDri: expected one of .*, got "dataDri" \(did you mean dataDir\?\)$/,
      ),
      expect.stringMatching(
        /^troupe\.yaml:6:17 datasets\.photos\.limits\.maxBytes: expected a size .*, got "12parsec"$/,
      ),
      'troupe.yaml:7:18 datasets.photos.limits.maxPixels: expected a number, got "many"',
      'troupe.yaml:8:40 datasets.photos.rules.rejectBelow: expected at most keepAt, got 0.5',
      'troupe.yaml:9:5 datasets.photos.dedup: expected a mapping of fields, got nothing',
      'troupe.yaml:11:22 datasets.photos.governance.refuseSources: expected a list, got "banned"',
      expect.stringMatching(/^troupe\.yaml:12:3 datasets\.Bad!: expected a name .*, got "Bad!"$/),
      'troupe.yaml:13:24 node.decodeThreads: expected at least 1, got 0',
    ]);
  });

  it('reports what the YAML itself gets wrong, with its place', () => {
    expect(problemsOf('node: {\n  name: a\n')[0]).toMatch(/^troupe\.yaml:3:1 expected valid YAML: /);
    expect(problemsOf('system: a\nsystem: b\n')[0]).toMatch(
      /^troupe\.yaml:2:1 expected valid YAML: .*unique/,
    );
  });

  it('refuses a file that is no mapping', () => {
    expect(problemsOf('- a')).toEqual(['troupe.yaml:1:1 expected a mapping of fields, got ["a"]']);
  });

  it.each([
    ['shards: 0', 'shards: expected at least 1, got 0'],
    ['shards: 1025', 'shards: expected at most 1024, got 1025'],
    ['shards: 1.5', 'shards: expected a whole number, got 1.5'],
    ['kind: video', 'kind: expected image, got "video"'],
    ['dedup: { pixels: { near: 2 } }', 'dedup.pixels.near: expected at most 1, got 2'],
  ])('refuses %s', (field, problem) => {
    const [found] = problemsOf(`datasets: { photos: { ${field} } }`);
    expect(found).toContain(`datasets.photos.${problem}`);
  });

  it('refuses weights that are all 0', () => {
    const none = '{ weight: 0 }';
    const text = `datasets: { photos: { rules: { weights: { resolution: ${none}, sharpness: ${none}, entropy: ${none} } } } }`;
    expect(problemsOf(text)[0]).toContain('expected weights of which at least one is above 0');
  });
});

describe('the example', () => {
  it('is exactly the defaults', () => {
    expect(parse(exampleConfig('image'))).toEqual(parse(''));
  });

  it('names every field of the schema', () => {
    const names: string[] = [];
    const collect = (node: ReturnType<typeof configSchemaJson>): void => {
      for (const [name, field] of Object.entries(node.properties ?? {})) {
        names.push(name);
        collect(typeof field.additionalProperties === 'object' ? field.additionalProperties : field);
      }
    };
    collect(configSchemaJson());
    expect(names.length).toBeGreaterThan(30);
    for (const name of names) expect(exampleConfig('image')).toMatch(new RegExp(`^ *(# )?${name}:`, 'm'));
  });
});

describe('TROUPE_* variables', () => {
  it('override the file, with __ between the parts and any case', () => {
    const config = parse('datasets: { my-photos: { shards: 2 } }', {
      TROUPE_DATASETS__MY_PHOTOS__SHARDS: '8',
      TROUPE_DATASETS__MYPHOTOS__LIMITS__MAX_BYTES: '8MB',
      TROUPE_DATA_DIR: '/srv/troupe',
      TROUPE_NODE__NAME: '42',
      TROUPE_NODE__DECODETHREADS: '3',
      TROUPE_FILES__ROOTS: '/a, /b',
    });
    expect(config.datasets['my-photos']).toMatchObject({ shards: 8, limits: { maxBytes: 8_000_000 } });
    expect(config).toMatchObject({
      dataDir: '/srv/troupe',
      node: { name: '42', decodeThreads: 3 },
      files: { roots: ['/a', '/b'] },
    });
  });

  it('make a dataset that the file does not have', () => {
    const { datasets } = parse('datasets: { photos: {} }', { TROUPE_DATASETS__CAT_PICTURES__SHARDS: '1' });
    expect(Object.keys(datasets)).toEqual(['photos', 'cat-pictures']);
  });

  it('are named as the place of a problem that they cause', () => {
    expect(problemsOf('', { TROUPE_DATASETS__PHOTOS__SHARDS: '9999' })).toEqual([
      'TROUPE_DATASETS__PHOTOS__SHARDS datasets.photos.shards: expected at most 1024, got 9999',
    ]);
  });

  it('are refused when they lead to no field but are near one', () => {
    const problems = problemsOf('', {
      TROUPE_DURABILTY: 'disk',
      TROUPE_NODE__INGEST_CONCURENCY: '3',
      TROUPE_SYSTEM__NAME: 'x',
    });
    expect(problems).toEqual([
      expect.stringContaining('(did you mean durability?)'),
      expect.stringContaining('(did you mean ingestConcurrency?)'),
      'TROUPE_SYSTEM__NAME expected no further part, got "NAME"',
    ]);
  });

  it('that are near no field are left alone', () => {
    expect(problemsOf('', { TROUPE_NATS_NO_DOWNLOAD: '1', TROUPE_DEBUG: '1' })).toEqual([]);
  });
});

describe('sizes', () => {
  it.each([
    [65536, 65536],
    ['65536', 65536],
    ['64MiB', 67_108_864],
    ['8MB', 8_000_000],
    ['1.5 KiB', 1536],
    ['2gib', 2_147_483_648],
    ['12parsec', undefined],
    ['0.3B', undefined],
    ['-1', undefined],
    ['', undefined],
    [1.5, undefined],
  ])('%j is %j bytes', (size, bytes) => {
    expect(parseByteSize(size)).toBe(bytes);
  });
});

describe('the deciding configuration', () => {
  it('is what decides verdicts, and nothing about shards', () => {
    const four = parse('datasets: { photos: { shards: 4 } }').datasets.photos;
    const eight = parse('datasets: { photos: { shards: 8 } }').datasets.photos;
    const other = parse('datasets: { photos: { rules: { keepAt: 0.4 } } }').datasets.photos;
    if (four === undefined || eight === undefined || other === undefined) throw new Error('no dataset');
    expect(decidingConfig(four)).toEqual(decidingConfig(eight));
    expect(decidingConfig(four)).not.toEqual(decidingConfig(other));
    expect(Object.keys(decidingConfig(four)).sort()).toEqual([
      'dedup',
      'governance',
      'kind',
      'limits',
      'model',
      'rules',
    ]);
  });
});
