// What an actor that has one owner in the whole system starts from.
import type { PreparedState } from '#runtime';

/** One node's ownership of one journal. */
export interface Tenure<S> {
  /** Under which the journal is owned; default one higher than any before. */
  readonly epoch?: number;
  /** What was loaded while another node still owned it; used by the actor's first life only. */
  readonly prepared?: PreparedState<S>;
}
