// The public door of the deduplication engine (`troupe/dedup`), usable without NATS: indexes, the two-round claim,
// verified edges and stars. `docs/dedup.md` shows how the parts go together.

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
export { IndexPart } from './index-part.ts';
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
