import { describe, expect, it } from 'vitest';
import { modelConfigSchema } from '../../../actors/config/model.ts';
import { modelReference, plainModelName } from '../../../cli/config/index.ts';
import { determinismText, nextVersion, versionProblem } from '../../../cli/models/model-record.ts';

const version = (text: string, dimension: number) => ({
  version: text,
  settings: modelConfigSchema.parse({ file: 'm.onnx', size: 8, dimension }),
});

describe('a reference to a model of the system', () => {
  it('is a name and a range as npm writes them', () => {
    expect(modelReference('clip@^1')).toEqual({ name: 'clip', range: '^1' });
    expect(modelReference('clip@>=1.2 <3')).toEqual({ name: 'clip', range: '>=1.2 <3' });
    expect(plainModelName('clip@1.0.0')).toBe('clip');
  });

  it.each(['clip', 'clip@', 'Clip@^1', 'clip@newest thing', '@^1'])('is not %j', (text) => {
    expect(modelReference(text)).toBeUndefined();
    expect(plainModelName(text)).toBe(text);
  });
});

describe('the version of a model', () => {
  it('begins at 1.0.0, and goes on from the newest', () => {
    expect(nextVersion([], 8)).toBe('1.0.0');
    expect(nextVersion([version('1.9.0', 8), version('1.10.0', 8), version('1.2.0', 8)], 8)).toBe('1.11.0');
  });

  it('is the next major one where vectors have another length', () => {
    expect(nextVersion([version('1.2.3', 8)], 16)).toBe('2.0.0');
    expect(versionProblem([version('1.2.3', 8)], '1.3.0', 16)).toContain('give it another major version');
    expect(versionProblem([version('1.2.3', 8)], '2.0.0', 16)).toBeUndefined();
  });

  it('is taken once', () => {
    expect(versionProblem([version('1.0.0', 8)], '1.0.0', 8)).toContain('1.0.0 is there already');
    expect(versionProblem([version('1.0.0', 8)], '1.0.1', 8)).toBeUndefined();
  });
});

describe('what a measured model may do', () => {
  const measured = (repeats: boolean, bits: readonly boolean[]) =>
    determinismText({
      provider: 'cpu',
      repeats,
      platform: 'linux x64',
      batches: bits.map((equal, at) => ({ batch: 2 ** at, bits: equal, cosine: equal ? 1 : 0.99999 })),
    });

  it('is told by batches and runs', () => {
    expect(measured(true, [true, true, true])).toContain('every bit is equal in batches of 1 to 4');
    expect(measured(true, [true, true, false])).toContain(
      'batches of 4 change bits (cosine 0.99999): verdicts use batches of at most 2',
    );
    expect(measured(true, [true, false, true])).toContain('verdicts use batches of at most 1');
    expect(measured(false, [false])).toContain('refused where they would drop');
  });
});
