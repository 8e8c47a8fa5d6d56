// Gives contents the vectors that they lack, each once: from the cache that all datasets share, or else by the model; and
// stores them under everything that determines them. What the model made goes to the cache, too.
import type { DatasetPorts } from './dataset-ports.ts';
import { blobKeys } from './messages.ts';
import { encodedBytes, encodeVector } from './vector-codec.ts';
import { vectorKey } from './vector-store.ts';

/**
 * Where the vectors of a dataset's items come from: `stored`, the dataset had it; `shared`, the cache of all datasets;
 * `flight`, another item of the same batch needed it; `inference`, the model.
 */
export const EMBED_CAUSES = ['stored', 'shared', 'flight', 'inference'] as const;
export type EmbedCause = (typeof EMBED_CAUSES)[number];
export type EmbedCounts = Readonly<Record<EmbedCause, number>>;

/** A content that is to have a vector. */
export interface ToEmbed {
  readonly content: string;
  /** The dataset has none for sure, so that nobody need look. */
  readonly fresh: boolean;
  /** What the model works on; asked for only when there is no vector anywhere. */
  readonly picture: () => Promise<Uint8Array>;
}

type EmbedPorts = Pick<DatasetPorts, 'model' | 'kind' | 'vectors' | 'sharedVectors'>;

/**
 * @returns for how many of the contents, repeats included, the vector came from where
 * @throws whatever `picture` and `embed` throw; vectors that are stored by then stay
 */
export async function embedContents(
  ports: EmbedPorts,
  contents: readonly ToEmbed[],
  embed: (pictures: readonly Uint8Array[]) => Promise<readonly Float32Array[]>,
): Promise<EmbedCounts> {
  const distinct = [...new Map(contents.map((each) => [each.content, each])).values()];
  const keyOf = (content: string) => vectorKey(ports, content);
  const lacking = await without(
    distinct,
    async ({ content, fresh }) => !fresh && (await ports.vectors.has(keyOf(content))),
  );
  const missing = await without(lacking, ({ content }) => takeShared(ports, keyOf(content)));
  if (missing.length > 0) {
    const vectors = await embed(await Promise.all(missing.map(({ picture }) => picture())));
    await Promise.all(
      missing.map(async ({ content }, at) => {
        const vector = vectors[at];
        if (vector === undefined)
          throw new Error('the session answered fewer vectors than it was given pictures');
        const bytes = encodeVector(vector, ports.model.precision);
        await Promise.all([
          ports.vectors.put(keyOf(content), bytes),
          ports.sharedVectors.put(keyOf(content), bytes),
        ]);
      }),
    );
  }
  const absent = new Set(lacking.map(({ content }) => content));
  const needed = contents.filter(({ content }) => absent.has(content)).length;
  return {
    stored: contents.length - needed,
    shared: lacking.length - missing.length,
    flight: needed - lacking.length,
    inference: missing.length,
  };
}

/** Copies a vector into the dataset, whose own it is from then on. False where the cache has none that can be used. */
async function takeShared({ model, vectors, sharedVectors }: EmbedPorts, key: string): Promise<boolean> {
  const bytes = await sharedVectors.get(key);
  if (bytes?.length !== encodedBytes(model.dimension, model.precision)) return false;
  await vectors.put(key, bytes);
  return true;
}

async function without<T>(all: readonly T[], isOut: (each: T) => Promise<boolean>): Promise<readonly T[]> {
  const out = await Promise.all(all.map(isOut));
  return all.filter((_, at) => out[at] !== true);
}

/** The copy of a content that the model works on, or undefined where none is stored. */
export function storedPicture(
  { model, blobs }: Pick<DatasetPorts, 'model' | 'blobs'>,
  content: string,
): Promise<Uint8Array | undefined> {
  return blobs.get(
    model.proxy === undefined ? blobKeys.proxy(content) : blobKeys.modelProxy(model.proxy.digest, content),
  );
}
