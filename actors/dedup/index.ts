// The public door of the deduplication engine (`troupe/dedup`), usable without NATS: indexes, the two-round claim,
// verified edges and stars; keys and comparisons of texts and records. `docs/dedup.md` shows how the parts go together.

export { type BlockingPart, type BlockingRule, blockingKeys } from '../record/blocking.ts';
export { agreement, type Comparator, LEVELS } from '../record/comparators.ts';
export {
  type Agreement,
  type ComparedField,
  checkedModel,
  compareRecords,
  type FieldWeights,
  type LinkageModel,
  matchProbability,
} from '../record/fellegi-sunter.ts';
export { jaro, jaroWinkler } from '../record/jaro-winkler.ts';
export { learnWeights } from '../record/learn-weights.ts';
export type { RecordFields } from '../record/record-fields.ts';
export { soundex } from '../record/soundex.ts';
export { type BandSpec, bandKeys, bandProbability, DEFAULT_BANDS, minHashes } from '../text/min-hash.ts';
export { DEFAULT_SHINGLES, jaccard, type ShingleSpec, shinglesOf, wordsOf } from '../text/shingles.ts';
export {
  type CandidatePair,
  type ClaimShard,
  claim,
  type Inverses,
  mergeFinds,
  planInserts,
  planQueries,
} from './claim.ts';
export { DedupEngine, type DedupEngineOptions, inversesOf } from './dedup-engine.ts';
export { HammingIndex, type HammingMatch, MAX_HAMMING_RADIUS } from './hamming-index.ts';
export { IndexPart, type IndexPartSnapshot } from './index-part.ts';
export type {
  ContentKeys,
  HashIndexSpec,
  IndexSpec,
  KeyIndexSpec,
  ShardFinds,
  ShardInsert,
  ShardQuery,
  SlicedContent,
  SliceFind,
  VectorIndexSpec,
} from './index-spec.ts';
export { keyToken } from './key-token.ts';
export { type Bucket, KeyedIndex, MAX_BUCKET_LIMIT } from './keyed-index.ts';
export { shardOf } from './partition.ts';
export {
  type Action,
  byKeepBest,
  type ConfirmedAction,
  formStars,
  type StarItem,
  type StarPlace,
  type StarRules,
} from './stars.ts';
export { MAX_DIMENSION, VectorIndex, type VectorMatch } from './vector-index.ts';
export { type Measurement, type VerifiedEdge, VerifiedEdges, verifiedEdge } from './verified-edges.ts';
