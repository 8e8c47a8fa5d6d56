// The door of the generated corpus: making it, and scoring what was found against what was planted.
export { generateCorpus } from './generate-corpus.ts';
export {
  type Criterion,
  type ItemOutcome,
  type RelationScore,
  scoreAgainstTruth,
  type TruthScore,
} from './score-against-truth.ts';
export {
  type CorpusItem,
  type CorpusTruth,
  PLANTED_RELATIONS,
  type PlantedRelation,
  REFUSED_SOURCE,
  type Truth,
} from './truth.ts';
