// The vectors of contents by one model, each paid for once: from memory, from the store that all nodes share, from a
// request for the same content that is under way, or else from the model, in batches with whatever else is waiting.
import type { BlobStore } from '#runtime';
import type { Kind } from '../kinds/kind.ts';
import type { ModelIdentity } from '../pipeline/dataset-ports.ts';
import { decodeVector, encodedBytes, encodeVector } from '../pipeline/vector-codec.ts';
import { vectorGroup, vectorKey } from '../pipeline/vector-store.ts';
import type { Batcher } from './batcher.ts';
import type { VectorCache } from './vector-cache.ts';

/** Where a vector came from: `memory` and `shared` are the caches, `flight` a request for the same content. */
export const VECTOR_CAUSES = ['memory', 'shared', 'flight', 'inference'] as const;
export type VectorCause = (typeof VECTOR_CAUSES)[number];

export interface FoundVector {
  readonly vector: Float32Array;
  readonly cause: VectorCause;
}

export interface EmbeddingsOptions {
  readonly model: ModelIdentity;
  readonly kind: Pick<Kind, 'version'>;
  readonly memory: VectorCache;
  /** Vectors under `vectorKey`, in the precision of the model. */
  readonly shared: BlobStore;
  readonly batcher: Batcher<Uint8Array, Float32Array>;
}

export class Embeddings {
  readonly #options: EmbeddingsOptions;
  readonly #flights = new Map<string, Promise<FoundVector>>();
  /** Changes when vectors are to be forgotten: what is on its way then is kept nowhere. */
  #keeping = 0;
  readonly #counts: Record<VectorCause, number> = { memory: 0, shared: 0, flight: 0, inference: 0 };

  constructor(options: EmbeddingsOptions) {
    this.#options = options;
  }

  /** Requests by where their vectors came from, since the start. */
  get counts(): Readonly<Record<VectorCause, number>> {
    return this.#counts;
  }

  /** What its vectors have in common in the shared store. */
  get group(): string {
    return vectorGroup(this.#options);
  }

  /** Contents whose vectors are being found or made. */
  get load(): number {
    return this.#flights.size;
  }

  /**
   * The vector of a content.
   * @param picture What the model works on; asked for only where no cache has the vector.
   * @throws Overloaded; what `picture`, the model or the store throw
   */
  async vector(content: string, picture: () => Promise<Uint8Array>): Promise<FoundVector> {
    const { memory } = this.#options;
    const key = vectorKey(this.#options, content);
    const near = memory.get(key);
    if (near !== undefined) return this.#counted({ vector: near, cause: 'memory' });
    const flight = this.#flights.get(key);
    if (flight !== undefined) return this.#counted({ vector: (await flight).vector, cause: 'flight' });
    const found = this.#find(key, picture);
    this.#flights.set(key, found);
    try {
      return this.#counted(await found);
    } finally {
      this.#flights.delete(key);
    }
  }

  /** Keeps no vector of these contents in memory; default: none at all. The shared store is left as it is. */
  forget(contents?: readonly string[]): void {
    const { memory } = this.#options;
    this.#keeping += 1;
    if (contents === undefined) memory.clear();
    else for (const content of contents) memory.delete(vectorKey(this.#options, content));
  }

  async #find(key: string, picture: () => Promise<Uint8Array>): Promise<FoundVector> {
    const { memory, shared, batcher } = this.#options;
    const { precision, dimension } = this.#options.model;
    const keeping = this.#keeping;
    const stored = await shared.get(key);
    const isUsable = stored?.length === encodedBytes(dimension, precision);
    const bytes = isUsable ? stored : encodeVector(await batcher.submit(key, await picture()), precision);
    if (!isUsable && keeping === this.#keeping) await shared.put(key, bytes);
    // What a cache would give, so that an answer does not depend on who asked before.
    const vector = decodeVector(bytes, precision);
    if (keeping === this.#keeping) memory.put(key, vector);
    return { vector, cause: isUsable ? 'shared' : 'inference' };
  }

  #counted(found: FoundVector): FoundVector {
    this.#counts[found.cause] += 1;
    return found;
  }
}
