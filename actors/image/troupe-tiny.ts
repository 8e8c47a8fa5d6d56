// Where the default embedding model is and what it gives. The file is written by scripts/build-model.ts, which also
// says what the numbers mean.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { SessionSpec } from './session-spec.ts';

/** Most proxies in one run: they are small, so that a run costs more than what it is run on. */
const BATCH = 32;

/** The default model: input `pixels` uint8 N×3×64×64 (RGB 0 to 255), output `embedding` float32 N×224, unit length. */
export const TROUPE_TINY = {
  name: 'troupe-tiny',
  version: '1',
  /** Numbers in a vector. */
  dimension: 224,
  /** Absolute path of the model file in this package, from source and from `dist/`. */
  path: (): string => {
    const root = import.meta.url.endsWith('.ts') ? '../../' : '../../../';
    return fileURLToPath(new URL(`${root}models/troupe-tiny.onnx`, import.meta.url));
  },
  /** sha256 of the model file, 64 hex digits; part of every cache key. */
  digest: async (): Promise<string> => {
    return createHash('sha256')
      .update(await readFile(TROUPE_TINY.path()))
      .digest('hex');
  },
  /** What its session is opened with; it works on the 64 × 64 proxies that pairs are verified on. */
  session: async (): Promise<SessionSpec> => ({
    path: TROUPE_TINY.path(),
    sha256: await TROUPE_TINY.digest(),
    input: 'pixels',
    output: 'embedding',
    layout: 'NCHW',
    channels: 'RGB',
    size: [64, 64],
    scale: 1,
    mean: [0, 0, 0],
    std: [1, 1, 1],
    pooling: 'none',
    normalise: 'none',
    dimension: TROUPE_TINY.dimension,
    batch: BATCH,
    providers: ['cpu'],
    threads: 1,
  }),
} as const;
