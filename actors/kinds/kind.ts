// What the pipeline asks of a kind of content (image, text, record). The pipeline and the runtime know nothing
// of images: they carry these facts, and a kind says how to make them, index them and verify a pair.
import type { CandidatePair } from '../dedup/claim.ts';
import type { IndexSpec } from '../dedup/index-spec.ts';
import type { SignalCatalogue } from './signal-catalogue.ts';

/** A measured property of a content. Numbers and codes only: it is journaled. */
export type Signal = number | string | boolean;

/** What analysis found out about one content. */
export interface ContentFacts {
  /** sha256 of the bytes, 64 hex. */
  readonly content: string;
  readonly mediaType: string;
  readonly byteLength: number;
  /** Similarity hashes by family, and by variant of a family (`phash/flip-x`): 16 hex each (64 bits, MSB first). */
  readonly hashes: Readonly<Record<string, string>>;
  /** Too little information for its hashes to mean anything: they are neither inserted nor queried. */
  readonly lowInformation: boolean;
  readonly signals: Readonly<Record<string, Signal>>;
}

export interface Analysis {
  readonly facts: ContentFacts;
  /** The small copy that verification works on, and the default model. */
  readonly proxy: Uint8Array;
  /** The copy that was asked for by `modelProxy`. */
  readonly modelProxy?: Uint8Array;
}

/**
 * Two contents that an index found within reach, as measured: what the measurements mean is decided by the
 * configuration at the cut (`dedup/relation.ts`). Symmetric: `a` < `b` lexicographically.
 */
export interface Edge {
  readonly a: string;
  readonly b: string;
  /** Hamming distances in bits by the family or variant (how `a` becomes `b`) that is within its radius. */
  readonly hashes: Readonly<Record<string, number>>;
  /** Verification distance, 0 (same) to 1, rounded to 6 decimals. */
  readonly distance: number;
  /** The variant of `a` that lies closest to `b`, where an index proposed any, and the distance then. */
  readonly turned?: Turned | undefined;
  /** Name and version of the verification, e.g. `pixels64@1`. */
  readonly algorithm: string;
  /** Cosine of the two vectors, rounded to 6 decimals; null where the model's vectors do not take part. */
  readonly similarity: number | null;
  /** The dataset that one of the two is of, where it is another one; `a` equals `b` where both have the same bytes. */
  readonly against?: string | undefined;
}

/** A content in another shape (a picture mirrored or turned), compared with another content. */
export interface Turned {
  readonly variant: string;
  /** 0 (same) to 1. */
  readonly distance: number;
}

/** What comparing the contents of a pair says. */
export type Comparison = Pick<Edge, 'distance' | 'algorithm' | 'turned'>;

/** How a dataset's configuration wants its contents to be found. */
export interface SearchConfig {
  readonly phashRadius: number;
  readonly dhashRadius: number;
  readonly transformedRadius: number;
  /** Smallest cosine from which vectors propose a pair; null: they propose none. */
  readonly vectors: { readonly semantic: number | null };
}

/** A request to the analysis pool. */
export interface AnalyseRequest {
  readonly bytes: Uint8Array;
  /** The bytes may be moved to the thread, so that no second copy is made: the asker needs them no more. */
  readonly movable?: boolean;
  readonly maxPixels: number;
  readonly maxBytes: number;
  /** The copy that a model needs, as the kind specifies it (`ModelIdentity.proxy`). */
  readonly modelProxy?: unknown;
}

export interface Kind {
  readonly name: string;
  /** Version of decoding, signals and hashes; part of the deciding configuration. */
  readonly version: string;
  /** Thread module that the analysis pool runs. */
  readonly analyserModule: URL;
  /** Asks the analysis pool; rejects with an error whose `code` is a dead-letter reason. */
  analyse(
    pool: AnalysisPool,
    request: AnalyseRequest,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Analysis>;
  /**
   * What its contents are found by.
   * @param dimension Numbers in a vector of the model.
   */
  indexes(config: SearchConfig, dimension: number): IndexSpec;
  /** Compares the proxies of a pair's `a` and `b`; a pure and symmetric function of the two contents. */
  verify(pair: Pick<CandidatePair, 'distances'>, a: Uint8Array, b: Uint8Array): Comparison;
  /** What rules may say of its contents. */
  readonly signals: SignalCatalogue;
  /** Keep-best criteria after governance and flags, each "larger is better", most important first. */
  quality(facts: {
    readonly signals: Readonly<Record<string, Signal>>;
    readonly mediaType: string;
    readonly byteLength: number;
  }): readonly number[];
}

/** The pool of analysis threads as the kinds see it. */
export interface AnalysisPool {
  ask(
    request: unknown,
    options: {
      readonly timeoutMs: number;
      readonly signal?: AbortSignal;
      readonly transfer?: readonly ArrayBuffer[];
    },
  ): Promise<unknown>;
  /** Waits until a picture (or the like) may take `bytes` while it is decoded; disposing gives them back. */
  admit(bytes: number, signal: AbortSignal): Promise<Disposable>;
}
