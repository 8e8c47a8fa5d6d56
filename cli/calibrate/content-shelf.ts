// The sampled contents as they are compared: hashes from the ledger, vectors and proxies from their stores, a bounded
// number of these in memory.
import {
  blobKeys,
  decodeVector,
  type JudgedEntry,
  type RecordedVersions,
  recordedPrecision,
  recordedVectorKey,
} from '#actors';
import type { BlobStore } from '#runtime';
import { untilAborted } from './interruptible.ts';
import { type ComparedContent, type Hash, hashOf } from './measures.ts';
import type { SampledContent } from './sample-contents.ts';

/** Items asked of the keeper at once: the answer fits into the smallest payload that servers take. */
const ASKED = 200;
const PARALLEL = 64;
/** Vectors and proxies held in memory: of so many contents, 1e-4 can be shown by pairs of which no two share one. */
const MAX_VECTORS = 60_000;
const MAX_PROXIES = 4_000;

export interface ShelfSources {
  /** Judged entries of items, as the keeper answers. */
  items(items: readonly string[]): Promise<readonly JudgedEntry[]>;
  readonly vectors: Pick<BlobStore, 'get'>;
  readonly blobs: Pick<BlobStore, 'get'>;
  /** What the vectors are made by, as the manifest records it. */
  readonly versions: RecordedVersions;
}

/** A content that the pipeline compares with others. */
export interface ShelvedContent extends SampledContent {
  readonly phash: Hash | null;
  readonly dhash: Hash | null;
}

export class ContentShelf {
  readonly #sources: ShelfSources;
  readonly #signal: AbortSignal;
  readonly contents: readonly ShelvedContent[];
  readonly #vectors = new Map<string, Promise<Float32Array | null>>();
  readonly #proxies = new Map<string, Promise<Uint8Array | null>>();

  private constructor(sources: ShelfSources, contents: readonly ShelvedContent[], signal: AbortSignal) {
    this.#sources = sources;
    this.contents = contents;
    this.#signal = signal;
  }

  /** Those of the sampled contents that the pipeline compares at all, in their order. */
  static async fill(
    sources: ShelfSources,
    sampled: readonly SampledContent[],
    { signal, onProgress }: { readonly signal: AbortSignal; readonly onProgress?: (done: number) => void },
  ): Promise<ContentShelf> {
    const contents: ShelvedContent[] = [];
    for (let at = 0; at < sampled.length; at += ASKED) {
      const asked = sampled.slice(at, at + ASKED);
      const entries = await untilAborted(sources.items(asked.map(({ item }) => item)), signal);
      const byItem = new Map(entries.map((entry) => [entry.item, entry]));
      for (const each of asked) {
        const facts = byItem.get(each.item)?.facts;
        if (facts === undefined || facts === null || facts.lowInformation) continue;
        contents.push({ ...each, phash: hashOf(facts.hashes.phash), dhash: hashOf(facts.hashes.dhash) });
      }
      onProgress?.(at + asked.length);
    }
    return new ContentShelf(sources, contents, signal);
  }

  /** The contents at these places, in their order; proxies only `withProxies`. */
  async take(places: readonly number[], withProxies: boolean): Promise<readonly ComparedContent[]> {
    const taken: ComparedContent[] = [];
    for (let at = 0; at < places.length; at += PARALLEL) {
      const loading = places.slice(at, at + PARALLEL).map((place) => this.#load(place, withProxies));
      taken.push(...(await untilAborted(Promise.all(loading), this.#signal)));
    }
    return taken;
  }

  async #load(place: number, withProxies: boolean): Promise<ComparedContent> {
    const shelved = this.contents[place];
    if (shelved === undefined) throw new RangeError(`there is no content ${place} in the sample`);
    const { content, phash, dhash } = shelved;
    const { vectors, blobs, versions } = this.#sources;
    const [vector, proxy] = await Promise.all([
      once(this.#vectors, MAX_VECTORS, content, async () => {
        const bytes = await vectors.get(recordedVectorKey(versions, content));
        return bytes === undefined ? null : decodeVector(bytes, recordedPrecision(versions));
      }),
      withProxies
        ? once(
            this.#proxies,
            MAX_PROXIES,
            content,
            async () => (await blobs.get(blobKeys.proxy(content))) ?? null,
          )
        : null,
    ]);
    return { phash, dhash, vector, proxy };
  }
}

/** What was loaded last stays, at most `limit` of it. */
function once<T>(
  known: Map<string, Promise<T>>,
  limit: number,
  key: string,
  load: () => Promise<T>,
): Promise<T> {
  const present = known.get(key) ?? load();
  known.set(key, present);
  const [oldest] = known.keys();
  if (known.size > limit && oldest !== undefined) known.delete(oldest);
  return present;
}
