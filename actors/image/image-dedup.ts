// Pictures as the deduplication engine takes them: by what they are found, and how two are compared.
import type { CandidatePair } from '../dedup/claim.ts';
import type { IndexSpec, VectorIndexSpec } from '../dedup/index-spec.ts';
import type { Comparison, Turned } from '../kinds/kind.ts';
import type { ImageAnalysis } from './analyse.ts';
import { inverseOrientation, ORIENTATIONS, type Orientation } from './orientation-hashes.ts';
import { comparePixels } from './pixel-comparison.ts';
import { turnedRaster } from './turned-raster.ts';

const PROXY_SIDE = 64;
const VARIANT = /^phash\/(.*)$/;

export interface ImageIndexOptions {
  /** Bits, 0 to 16; default 10. */
  readonly phashRadius?: number;
  readonly dhashRadius?: number;
  /** Bits up to which a picture in another orientation is a candidate; default 4. */
  readonly transformedRadius?: number;
  /** Without them vectors propose nobody. */
  readonly vectors?: VectorIndexSpec;
}

/** The indexes of a dataset of pictures. */
export function imageIndexes({
  phashRadius = 10,
  dhashRadius = 10,
  transformedRadius = 4,
  vectors,
}: ImageIndexOptions = {}): IndexSpec {
  const inverse = ORIENTATIONS.map((each) => [`phash/${each}`, `phash/${inverseOrientation(each)}`]);
  return {
    hashes: {
      phash: {
        radius: phashRadius,
        variants: { radius: transformedRadius, inverse: Object.fromEntries(inverse) },
      },
      dhash: { radius: dhashRadius },
    },
    ...(vectors !== undefined && { vectors }),
  };
}

/** The hashes that a picture is found by, by family and variant. */
export function imageHashes({
  phash,
  dhash,
  orientations,
}: Pick<ImageAnalysis, 'phash' | 'dhash' | 'orientations'>): Readonly<Record<string, string>> {
  const turned = ORIENTATIONS.map((each) => [`phash/${each}`, orientations[each]]);
  return { phash, dhash, ...Object.fromEntries(turned) };
}

/**
 * Compares two pictures by their 64 × 64 proxies, also in the orientations in which an index found them.
 * @param a Proxy of the pair's `a`, RGB.
 */
export function compareImages(
  { distances }: Pick<CandidatePair, 'distances'>,
  a: Uint8Array,
  b: Uint8Array,
): Comparison {
  const { distance, algorithm } = comparePixels(a, b);
  let turned: Turned | undefined;
  for (const name of Object.keys(distances).sort()) {
    const variant = VARIANT.exec(name)?.[1] as Orientation | undefined;
    if (variant === undefined) continue;
    const proxy = { width: PROXY_SIDE, height: PROXY_SIDE, channels: 3 as const, data: a };
    const other = comparePixels(turnedRaster(proxy, variant).data, b).distance;
    if (turned === undefined || other < turned.distance) turned = { variant, distance: other };
  }
  return { distance, algorithm, ...(turned !== undefined && { turned }) };
}
