// Pictures as the deduplication engine takes them: by what they are found, how two are measured, and what a measured
// pair means.
import type { CandidatePair } from '../dedup/claim.ts';
import type { IndexSpec, VectorIndexSpec } from '../dedup/index-spec.ts';
import type { Measurement, VerifiedEdge } from '../dedup/verified-edges.ts';
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

/** The hashes that a picture is found by; none where they would mean nothing. */
export function imageHashes({
  phash,
  dhash,
  orientations,
  lowInformation,
}: Pick<ImageAnalysis, 'phash' | 'dhash' | 'orientations' | 'lowInformation'>): Readonly<
  Record<string, string>
> {
  if (lowInformation) return {};
  const turned = ORIENTATIONS.map((each) => [`phash/${each}`, orientations[each]]);
  return { phash, dhash, ...Object.fromEntries(turned) };
}

/**
 * Measures two pictures by their 64 × 64 proxies, also in the orientations in which an index found them.
 * @param a Proxy of the pair's `a`, RGB.
 */
export function measureImages(
  { distances }: Pick<CandidatePair, 'distances'>,
  a: Uint8Array,
  b: Uint8Array,
  similarity: number | null,
): Measurement {
  const { distance, algorithm } = comparePixels(a, b);
  let turned: VerifiedEdge['turned'];
  for (const name of Object.keys(distances).sort()) {
    const variant = VARIANT.exec(name)?.[1] as Orientation | undefined;
    if (variant === undefined) continue;
    const proxy = { width: PROXY_SIDE, height: PROXY_SIDE, channels: 3 as const, data: a };
    const other = comparePixels(turnedRaster(proxy, variant).data, b).distance;
    if (turned === undefined || other < turned.distance) turned = { variant, distance: other };
  }
  return { distance, algorithm, similarity, ...(turned !== undefined && { turned }) };
}

/**
 * `near`: the same picture; `transformed`: the same mirrored or turned; `semantic`: alike by vectors alone; `uncertain`:
 * for a person.
 */
export type ImageRelation = 'near' | 'transformed' | 'semantic' | 'uncertain';

export interface ImageThresholds {
  /** Largest distance of pixels that confirms a pair, as it is or turned. */
  readonly near: number;
  /** Largest distance of pixels that a person should look at. */
  readonly review: number;
  /** Smallest cosine that makes a pair `near` without pixels; null for none. */
  readonly vectorsNear: number | null;
  /** Smallest cosine that makes a pair `semantic`; null for none. */
  readonly semantic: number | null;
}

/** What a measured pair means. */
export function imageRelationOf(
  { distance, turned, similarity }: Pick<VerifiedEdge, 'distance' | 'turned' | 'similarity'>,
  { near, review, vectorsNear, semantic }: ImageThresholds,
): ImageRelation | undefined {
  const reaches = (least: number | null) => similarity !== null && least !== null && similarity >= least;
  if (distance <= near || reaches(vectorsNear)) return 'near';
  if (turned !== undefined && turned.distance <= near) return 'transformed';
  if (reaches(semantic)) return 'semantic';
  return distance <= review ? 'uncertain' : undefined;
}
