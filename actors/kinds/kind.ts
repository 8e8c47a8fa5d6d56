// What the pipeline asks of a kind of content (image, text, record). The pipeline and the runtime know nothing
// of images: they carry these facts, and a kind says how to make them, index them and verify a pair.
import type { SignalCatalogue } from './signal-catalogue.ts';

/** A measured property of a content. Numbers and codes only: it is journaled. */
export type Signal = number | string | boolean;

/** What analysis found out about one content. */
export interface ContentFacts {
  /** sha256 of the bytes, 64 hex. */
  readonly content: string;
  readonly mediaType: string;
  readonly byteLength: number;
  /** Similarity hashes by family, 16 hex each (64 bits, MSB first). */
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

/** Another content which an index found within reach, with the Hamming distance by hash family. */
export interface Candidate {
  readonly content: string;
  readonly distances: Readonly<Record<string, number>>;
}

/**
 * Two contents that an index found within reach, as measured: what the measurements mean is decided by the
 * configuration at the cut (`dedup/relation.ts`). Symmetric: `a` < `b` lexicographically.
 */
export interface Edge {
  readonly a: string;
  readonly b: string;
  /** Hamming distances by family, in bits. */
  readonly hashes: Readonly<Record<string, number>>;
  /** Verification distance, 0 (same) to 1, rounded to 6 decimals. */
  readonly distance: number;
  /** Name and version of the verification, e.g. `pixels64@1`. */
  readonly algorithm: string;
  /** Cosine of the two vectors, rounded to 6 decimals; null where the model's vectors do not take part. */
  readonly similarity: number | null;
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
  /** Hash families which are asked of all shards, with the radius in bits that the configuration gives. */
  radii(config: {
    readonly phashRadius: number;
    readonly dhashRadius: number;
  }): Readonly<Record<string, number>>;
  /** Compares two proxies: distance 0 (same) to 1, with the algorithm's name and version. */
  verify(a: Uint8Array, b: Uint8Array): { readonly distance: number; readonly algorithm: string };
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
