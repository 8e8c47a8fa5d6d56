// Records new scripts with the real OTP supervisor and compares them: that what the repository holds can be made
// anew, and that the equality is not one of the recorded scripts alone.

import { describe, expect, it } from 'vitest';
import { describeDifference, differences } from '../../scripts/conformance/compare.ts';
import { generateScript } from '../../scripts/conformance/generate.ts';
import { hasErlang, recordWithOtp } from '../../scripts/conformance/record-otp.ts';
import type { Script } from '../../scripts/conformance/script.ts';

const erlang = hasErlang();

describe.skipIf(!erlang)('conformance with the OTP of this machine (needs escript of erlang-base)', () => {
  const seed = Math.trunc(Date.now() / 1_000);
  const scripts: readonly Script[] = Array.from({ length: 200 }, (_, index) => generateScript(seed, index));

  it(`does in 200 new scripts what OTP does (seed ${seed})`, async () => {
    const { recordings } = recordWithOtp(scripts);
    const found = await differences(recordings);
    expect(found.map(describeDifference)).toEqual([]);
  });

  it('is given the same traces when the same scripts are recorded again', () => {
    const some = scripts.slice(0, 50);
    expect(recordWithOtp(some)).toEqual(recordWithOtp(some));
  });
});
