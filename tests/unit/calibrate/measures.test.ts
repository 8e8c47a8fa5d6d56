// What is measured of pairs and of edits, and how it is shown.
import { describe, expect, it } from 'vitest';
import { calibrationResult } from '../../../cli/calibrate/calibration-result.ts';
import { ContentShelf } from '../../../cli/calibrate/content-shelf.ts';
import { foundShare } from '../../../cli/calibrate/edit-recall.ts';
import { untilAborted } from '../../../cli/calibrate/interruptible.ts';
import { measurePairs } from '../../../cli/calibrate/measure-pairs.ts';
import { hashOf, MEASURES, THRESHOLDS } from '../../../cli/calibrate/measures.ts';
import { renderCalibration } from '../../../cli/calibrate/render-calibration.ts';
import { TailCurve } from '../../../cli/calibrate/tail-curve.ts';
import { Terminal } from '../../../cli/terminal.ts';
import { contentOf, factsOf, sha } from '../../support/ledger-messages.ts';
import { recordingStream, steppedClock } from '../cli/recording.ts';

const NOBODY = { phash: null, dhash: null, vector: null, proxy: null };
const running = new AbortController().signal;

describe('a measure', () => {
  it('counts the bits in which two hashes differ', () => {
    const bits = (one: string, other: string) =>
      MEASURES.phash.of({ ...NOBODY, phash: hashOf(one) }, { ...NOBODY, phash: hashOf(other) });
    expect(bits('0000000000000000', 'ffffffffffffffff')).toBe(64);
    expect(bits('8000000000000001', '0000000000000000')).toBe(2);
    expect(bits('f0f0f0f00f0f0f0f', 'f0f0f0f00f0f0f0f')).toBe(0);
    expect(bits('00000000000000f0', '0000000000f00000')).toBe(8);
  });

  it('is none where one of the two lacks what is compared', () => {
    expect(MEASURES.phash.of({ ...NOBODY, phash: [0, 0] }, NOBODY)).toBeNull();
    expect(MEASURES.cosine.of({ ...NOBODY, vector: Float32Array.of(1) }, NOBODY)).toBeNull();
    expect(MEASURES.pixels.of(NOBODY, NOBODY)).toBeNull();
    expect(hashOf('12')).toBeNull();
    expect(hashOf(undefined)).toBeNull();
  });

  it('finds the share of edits that pass, on its side of the threshold', () => {
    expect(foundShare('cosine', [0.9, 0.8, 0.7, 0.6], 0.8)).toBe(0.5);
    expect(foundShare('phash', [0, 2, 4, 6], 4)).toBe(0.75);
    expect(foundShare('pixels', [], 0.1)).toBeNull();
  });
});

const versions = { kind: 'image@3', model: `m@${'c'.repeat(64)}`, embedding: 'recipe/f32/2' };

/** A shelf of contents 0 to `count`, whose vectors turn by a degree each; some lack something. */
async function shelfOf(count: number, signal = running) {
  const names = Array.from({ length: count }, (_, at) => String(at));
  const asked: number[] = [];
  const shelf = await ContentShelf.fill(
    {
      items: async (items) => {
        asked.push(items.length);
        return items.map((item) => {
          const name = names.find((each) => sha(each) === item) ?? '';
          return {
            type: 'judged' as const,
            sequence: 1,
            item,
            id: name,
            time: null,
            facts: factsOf(name, {
              lowInformation: name === '3',
              hashes: name === '4' ? {} : { phash: '000000000000000f', dhash: '0000000000000000' },
            }),
            vector: null,
            judgement: { verdict: 'eligible' as const, score: 1, reasons: [], contributions: {}, rank: [] },
            config: '',
            versions: {},
          };
        });
      },
      vectors: {
        get: async (key) => {
          const name = names.find(
            (each) => key === `image@3/${'c'.repeat(16)}/recipe/f32/2/${contentOf(each)}`,
          );
          if (name === undefined || name === '5') return undefined;
          const angle = (Number(name) * Math.PI) / 180;
          return new Uint8Array(Float32Array.of(Math.cos(angle), Math.sin(angle)).buffer);
        },
      },
      blobs: { get: async () => new Uint8Array(64 * 64 * 3) },
      versions,
    },
    names.map((name) => ({ content: contentOf(name), item: sha(name) })),
    { signal },
  );
  return { shelf, asked };
}

describe('the pairs of a sample', () => {
  it('are measured by what is stored of their contents; what the pipeline compares with nobody is not among them', async () => {
    const { shelf, asked } = await shelfOf(450);
    expect(asked).toEqual([200, 200, 50]);
    expect(shelf.contents).toHaveLength(449);
    // 0 and 2 are contents 0 and 2; place 3 is content 4, which has no hashes; place 4 is content 5, without a vector.
    const curves = await measurePairs(
      shelf,
      [
        [0, 2],
        [0, 3],
        [0, 4],
      ],
      { measures: ['cosine', 'phash', 'pixels'], pixelPairs: 2, signal: running },
    );
    expect([...curves].map(([name, curve]) => [name, curve.pairs])).toEqual([
      ['cosine', 2],
      ['phash', 2],
      ['pixels', 2],
    ]);
    expect(curves.get('cosine')?.at(0.999)).toMatchObject({ exceeding: 1 });
    expect(curves.get('phash')?.at(0)).toMatchObject({ exceeding: 2 });
  });

  it('are left at once when that is interrupted', async () => {
    const interruption = new AbortController();
    const { shelf } = await shelfOf(10, interruption.signal);
    const pairs = Array.from({ length: 5_000 }, () => [0, 1] as const);
    const done: number[] = [];
    const measuring = measurePairs(shelf, pairs, {
      measures: ['cosine'],
      pixelPairs: 0,
      signal: interruption.signal,
      onProgress: (count) => {
        done.push(count);
        interruption.abort(new Error('enough'));
      },
    });
    await expect(measuring).rejects.toThrow('enough');
    expect(done).toEqual([512]);
  });

  it('are not waited for when an answer never comes', async () => {
    const interruption = new AbortController();
    const waiting = untilAborted(new Promise(() => {}), interruption.signal);
    interruption.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(untilAborted(Promise.resolve(1), interruption.signal)).rejects.toThrow('enough');
    expect(await untilAborted(Promise.resolve(1), running)).toBe(1);
  });
});

describe('a calibration', () => {
  const cosines = Array.from({ length: 4_000 }, (_, at) => (0.6 * at) / 3_999);
  const result = calibrationResult({
    dataset: 'art',
    manifest: 3,
    model: 'troupe-tiny',
    modelDigest: 'ab'.repeat(32),
    seed: 1,
    holdsFor: 'present',
    sample: { contents: 90, pairs: 4_000, population: 91, copies: 7, rejected: 0 },
    wanted: THRESHOLDS.map((each) => ({
      ...each,
      target: each.drops ? 1e-4 : 1e-3,
      present: each.name === 'vectors.near' ? 0.5 : null,
    })),
    curves: new Map([['cosine', new TailCurve(cosines, MEASURES.cosine.scale)]]),
    recall: {
      originals: 2,
      edits: [
        { edit: 'resize', values: { cosine: [0.9, 0.95], phash: [], dhash: [], pixels: [] } },
        { edit: 'flip', values: { cosine: [0.9, 0.1], phash: [], dhash: [], pixels: [] } },
      ],
    },
    remarks: ['a remark'],
  });

  it('shows the threshold, the curve around it, what of edits is found, and why something is not proposed', () => {
    const stdout = recordingStream();
    const terminal = new Terminal({ stdout, stderr: recordingStream(), clock: steppedClock(), env: {} });
    renderCalibration(terminal, result, { curves: ['cosine'] });
    const text = stdout.text();
    expect(text).toContain(
      '4,000 pairs of 90 contents that are not proved copies of each other (7 copies left out)',
    );
    expect(text).toContain(
      'the bounds hold for pairs of these contents; for contents to come so few can show 6.4e-2',
    );
    expect(text).toMatch(/^vectors\.semantic +- +1e-3 +0\.6001 +0 +4,000 +7\.5e-4 +75 %$/m);
    expect(text).toContain(
      'vectors.near: nothing proposed: a share of 1e-4 needs 29,956 pairs, these are 4,000',
    );
    expect(text).toMatch(/^ +0\.6001 +#+ +0 +0 +7\.5e-4 +75 % {2}< vectors\.semantic proposed$/m);
    expect(text).toMatch(/^ +0\.5 +#+ +667 +0\.17 +0\.18 +75 % {2}< vectors\.near now$/m);
    expect(text).toMatch(/^resize +100 % +100 %$/m);
    expect(text).toMatch(/^flip +50 % +50 %$/m);
    expect(text).toContain('note: a remark');
  });

  it('draws longer bars for looser thresholds', () => {
    const stdout = recordingStream();
    const terminal = new Terminal({ stdout, stderr: recordingStream(), clock: steppedClock(), env: {} });
    renderCalibration(terminal, result, { curves: ['cosine'] });
    const bars = [...stdout.text().matchAll(/^ +[\d.]+ +(#+) /gm)].map(([, bar]) => bar?.length ?? 0);
    expect(bars.length).toBeGreaterThan(4);
    expect(bars).toEqual([...bars].sort((a, b) => a - b));
  });
});
