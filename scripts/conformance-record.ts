// `npm run conformance:record -- --seed S --count N [--out FILE]`: runs N random scripts of seed S
// through the real OTP supervisor and writes them with their traces. Erlang must be installed.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { generateScript } from './conformance/generate.ts';
import { hasErlang, recordWithOtp } from './conformance/record-otp.ts';
import { toLines } from './conformance/script.ts';

const { values } = parseArgs({
  options: { seed: { type: 'string' }, count: { type: 'string' }, out: { type: 'string' } },
});
const seed = Number(values.seed ?? 1);
const count = Number(values.count ?? 2_000);
if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(count) || count < 1) {
  console.error(`expected integers for --seed and --count, but they were ${values.seed} and ${values.count}`);
  process.exit(2);
}
if (!hasErlang()) {
  console.error('expected Erlang on this machine (escript), but there is none: apt-get install erlang-base');
  process.exit(3);
}
const out = values.out ?? `conformance-${seed}-${count}.jsonl.gz`;
const scripts = Array.from({ length: count }, (_, index) => generateScript(seed, index));
const { otp, recordings } = recordWithOtp(scripts);
const packed = gzipSync(toLines({ otp, seed, count }, recordings), { level: 9 });
writeFileSync(out, packed);
console.log(
  `${count} scripts from seed ${seed} recorded with OTP ${otp}: ${out}, ${packed.byteLength} bytes`,
);
