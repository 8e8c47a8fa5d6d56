import { describe, expect, it } from 'vitest';
import { featuresOf } from '#nats';

describe('the features of a server', () => {
  it.each([
    ['2.9.10', 0, [false, false, false, false]],
    ['2.10.3', 0, [false, false, false, false]],
    ['2.10.4', 0, [true, false, false, false]],
    ['2.11.17', 1, [true, true, false, false]],
    ['2.12.0-preview.1', 2, [true, true, true, true]],
    ['2.15.1', 5, [true, true, true, true]],
    ['v3.0.0', 9, [true, true, true, true]],
    ['unreadable', 0, [false, false, false, false]],
  ])('of %s with API level %i', (version, level, [term, fence, batch, strict]) => {
    const features = featuresOf(version, level);
    expect(features).toMatchObject({
      termReason: term,
      fenceSubject: fence,
      atomicBatch: batch,
      strictConfig: strict,
    });
    expect(features.degraded).toHaveLength(
      [term, fence, batch, strict].filter((has) => has === false).length,
    );
  });
});
