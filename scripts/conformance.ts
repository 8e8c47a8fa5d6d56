// `npm run conformance -- FILE`: runs the scripts of a recorded file through our supervisors and compares each
// trace with OTP's. Exit code 1 when one differs.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describeDifference, differences } from './conformance/compare.ts';
import { fromLines } from './conformance/script.ts';

const shownAtMost = 5;
const file = process.argv[2] ?? 'tests/conformance/otp-25.jsonl.gz';
const { header, recordings } = fromLines(gunzipSync(readFileSync(file)).toString('utf8'));
const found = await differences(recordings);
for (const difference of found.slice(0, shownAtMost)) console.log(`${describeDifference(difference)}\n`);
const steps = recordings.reduce((sum, { trace }) => sum + trace.length, 0);
const effective = recordings.reduce(
  (sum, { trace }) => sum + trace.filter((tokens) => tokens !== '').length,
  0,
);
console.log(`${recordings.length} scripts of OTP ${header.otp}, seed ${header.seed}`);
console.log(`${steps} steps, ${effective} of them with an effect`);
console.log(`${recordings.length - found.length} equal, ${found.length} different`);
if (found.length > 0) process.exitCode = 1;
