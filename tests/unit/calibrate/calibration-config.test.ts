// Where thresholds come from, in the deciding configuration: recorded when they are set by a calibration, gone when they
// are changed by hand, and without a trace where nothing was calibrated.
import { describe, expect, it } from 'vitest';
import { canonicalJson, datasetConfigSchema, decidingConfig, originOf, withoutStaleOrigins } from '#actors';
import { settingsOf, withCalibration } from '../../../cli/calibrate/apply-calibration.ts';
import { calibrationResult } from '../../../cli/calibrate/calibration-result.ts';
import { MEASURES, THRESHOLDS } from '../../../cli/calibrate/measures.ts';
import { TailCurve } from '../../../cli/calibrate/tail-curve.ts';
import { thresholdLines } from '../../../cli/calibrate/threshold-lines.ts';

const AT = '2026-11-30T12:00:00.000Z';
const configOf = (change: object = {}) => datasetConfigSchema.parse(change);

/** Of 4,000 pairs whose cosines go up to 0.6, and whose hashes differ in 20 bits. */
const result = calibrationResult({
  dataset: 'art',
  manifest: 3,
  model: 'troupe-tiny',
  modelDigest: 'ab'.repeat(32),
  seed: 1,
  holdsFor: 'present',
  sample: { contents: 90, pairs: 4_000, population: 90, copies: 0, rejected: 0 },
  wanted: THRESHOLDS.map((each) => ({ ...each, target: 1e-3, present: null })),
  curves: new Map([
    [
      'cosine',
      new TailCurve(
        Array.from({ length: 4_000 }, (_, at) => (0.6 * at) / 3_999),
        MEASURES.cosine.scale,
      ),
    ],
    [
      'phash',
      new TailCurve(
        Array.from({ length: 4_000 }, () => 20),
        MEASURES.phash.scale,
      ),
    ],
    ['pixels', new TailCurve([0.4, 0.5], MEASURES.pixels.scale)],
  ]),
  recall: { originals: 0, edits: [] },
  remarks: [],
});
const set = (change: object = {}) =>
  withCalibration(configOf(change), result, {
    names: ['vectors.semantic', 'phashRadius', 'pixels.near'],
    at: AT,
  });

describe('thresholds by calibration', () => {
  it('are set where there is a proposal, each with when, from what and how sure', () => {
    const { dedup } = set();
    expect(dedup).toMatchObject({
      phashRadius: 16,
      pixels: { near: 0.07 },
      vectors: { near: null, semantic: 0.6001 },
    });
    expect(dedup.calibration).toEqual([
      expect.objectContaining({
        name: 'vectors.semantic',
        value: 0.6001,
        at: AT,
        model: 'troupe-tiny',
        manifest: 3,
        holdsFor: 'present',
        target: 1e-3,
        pairs: 4_000,
        exceeding: 0,
        bound: 0.0007487,
      }),
      expect.objectContaining({ name: 'phashRadius', value: 16, exceeding: 0 }),
    ]);
    expect(datasetConfigSchema.parse(JSON.parse(JSON.stringify(set())))).toEqual(set());
    expect(settingsOf(result, ['vectors.semantic', 'dhashRadius'])).toEqual([
      'dedup.vectors.semantic=0.6001',
    ]);
  });

  it('keep a middle band valid: one that they leave no room for is empty', () => {
    const before = configOf({ dedup: { vectors: { near: 0.95, review: 0.9 } } });
    const { dedup } = withCalibration(before, result, { names: ['vectors.near'], at: AT });
    expect(dedup.vectors).toEqual({ near: 0.6001, review: 0.6001, semantic: null });
    expect(datasetConfigSchema.safeParse({ ...before, dedup }).success).toBe(true);
  });

  it('are not set in a dataset that has another model meanwhile', () => {
    expect(() =>
      withCalibration(configOf({ model: 'clip' }), result, { names: ['phashRadius'], at: AT }),
    ).toThrow('expected the model troupe-tiny, which was calibrated, got clip');
  });

  it('leave the origins of others as they are', () => {
    const again = withCalibration(set(), result, { names: ['vectors.near'], at: '2027-01-01T00:00:00.000Z' });
    expect(again.dedup.calibration?.map(({ name, at }) => [name, at.slice(0, 4)])).toEqual([
      ['vectors.semantic', '2026'],
      ['phashRadius', '2026'],
      ['vectors.near', '2027'],
    ]);
  });
});

describe('the origin of a threshold', () => {
  it('is part of what decides, and without one nothing of it is', () => {
    expect(canonicalJson(decidingConfig(configOf()))).not.toContain('calibration');
    expect(canonicalJson(decidingConfig(withoutStaleOrigins(configOf())))).toBe(
      canonicalJson(decidingConfig(configOf())),
    );
    expect(canonicalJson(decidingConfig(set()))).toContain('calibration');
  });

  it('is gone once the threshold is changed, and only that one', () => {
    const config = set();
    const changed = { ...config, dedup: { ...config.dedup, phashRadius: 8 } };
    expect(originOf(changed, 'phashRadius')).toBeUndefined();
    expect(withoutStaleOrigins(changed).dedup.calibration?.map(({ name }) => name)).toEqual([
      'vectors.semantic',
    ]);
  });

  it('is gone with the model, for thresholds of vectors', () => {
    const other = withoutStaleOrigins({ ...set(), model: 'clip' });
    expect(other.dedup.calibration?.map(({ name }) => name)).toEqual(['phashRadius']);
  });

  it('leaves nothing behind when all are changed', () => {
    const config = set();
    const { phashRadius, vectors } = configOf().dedup;
    const back = withoutStaleOrigins({ ...config, dedup: { ...config.dedup, phashRadius, vectors } });
    expect(canonicalJson(back)).toBe(canonicalJson(configOf()));
  });

  it('is told beside the threshold; one that does not fit any more is said to', () => {
    expect(thresholdLines(set())).toEqual([
      `threshold vectors.semantic 0.6001: calibrated ${AT} on manifest 3 with troupe-tiny@abababababab, target 1e-3: 0 of 4000 pairs of its contents passed, at most 7.5e-4 (95 %), seed 1`,
      expect.stringMatching(/^threshold phashRadius 16: calibrated /),
      'threshold dhashRadius 10',
      'threshold pixels.near 0.07',
    ]);
    const config = set();
    const byHand = { ...config, dedup: { ...config.dedup, phashRadius: 8 } };
    expect(thresholdLines(byHand)).toContain(
      'threshold phashRadius 8: not as calibrated (16 with the model troupe-tiny)',
    );
  });
});
