// Our supervisors against the traces that the real OTP supervisor left (tests/conformance/): the same scripts, the
// same order of starts and stops, the same answers to requests, the same trees at the end.

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { describeDifference, differences } from '../../../scripts/conformance/compare.ts';
import { generateScript } from '../../../scripts/conformance/generate.ts';
import { fromLines, type Node } from '../../../scripts/conformance/script.ts';

const file = new URL('../../conformance/otp-25.jsonl.gz', import.meta.url);
const { header, recordings } = fromLines(gunzipSync(readFileSync(file)).toString('utf8'));

function levels(node: Node): number {
  return node.type === 'worker' ? 1 : 1 + Math.max(...node.children.map(levels));
}

describe('conformance with OTP', () => {
  it('does in every recorded script what OTP did', { timeout: 60_000 }, async () => {
    const found = await differences(recordings);
    expect(found.map(describeDifference)).toEqual([]);
  });

  it('compares at least 2,000 scripts over trees of three levels and more', () => {
    expect(recordings.length).toBeGreaterThanOrEqual(2_000);
    expect(Math.min(...recordings.map(({ tree }) => levels(tree)))).toBeGreaterThanOrEqual(3);
  });

  it('has every kind of event happen in many scripts', () => {
    const traces = recordings.map(({ trace }) => trace.join(' '));
    const marks = ['+', '-', '!', '~', '^', '#', '=ok', '=running', '=not_found', '=already_', '$shutdown'];
    for (const mark of [...marks, '$restart_intensity', '$start_failed']) {
      expect(traces.filter((trace) => trace.includes(mark)).length, mark).toBeGreaterThan(20);
    }
  });

  it('finds one token that differs', async () => {
    const altered = recordings.slice(0, 1).map((recording) => ({
      ...recording,
      trace: recording.trace.map((tokens, step) => (step === 0 ? `${tokens} +w99` : tokens)),
    }));
    const [difference] = await differences(altered);
    expect(difference).toMatchObject({ script: 0, step: 0 });
    expect(difference && describeDifference(difference)).toContain('+w99');
  });

  it('finds a final tree that differs', async () => {
    const altered = recordings.slice(0, 1).map((recording) => ({ ...recording, final: 'w99+' }));
    expect(await differences(altered)).toMatchObject([{ script: 0, step: undefined, otp: 'w99+' }]);
  });

  it('generates the recorded scripts from their seed', () => {
    const [first, , third] = recordings;
    expect(generateScript(header.seed, 0)).toEqual({ tree: first?.tree, steps: first?.steps });
    expect(generateScript(header.seed, 2)).toEqual({ tree: third?.tree, steps: third?.steps });
  });
});
