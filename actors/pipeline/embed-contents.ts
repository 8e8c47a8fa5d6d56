// Makes the vectors that contents lack, each once, and stores them under everything that determines them.
import type { DatasetPorts } from './dataset-ports.ts';
import { blobKeys } from './messages.ts';
import { encodeVector } from './vector-codec.ts';
import { vectorKey } from './vector-store.ts';

/** A content that is to have a vector. */
export interface ToEmbed {
  readonly content: string;
  /** It has none for sure, so that nobody need look. */
  readonly fresh: boolean;
  /** What the model works on; asked for only when there is no vector yet. */
  readonly picture: () => Promise<Uint8Array>;
}

/**
 * @returns how many vectors were made
 * @throws whatever `picture` and `embed` throw; vectors that are stored by then stay
 */
export async function embedContents(
  ports: Pick<DatasetPorts, 'model' | 'kind' | 'vectors'>,
  contents: readonly ToEmbed[],
  embed: (pictures: readonly Uint8Array[]) => Promise<readonly Float32Array[]>,
): Promise<number> {
  const distinct = [...new Map(contents.map((each) => [each.content, each])).values()];
  const keyOf = (content: string) => vectorKey(ports, content);
  const stored = await Promise.all(
    distinct.map(({ content, fresh }) => !fresh && ports.vectors.has(keyOf(content))),
  );
  const missing = distinct.filter((_, at) => stored[at] !== true);
  if (missing.length === 0) return 0;
  const vectors = await embed(await Promise.all(missing.map(({ picture }) => picture())));
  await Promise.all(
    missing.map(({ content }, at) => {
      const vector = vectors[at];
      if (vector === undefined)
        throw new Error('the session answered fewer vectors than it was given pictures');
      return ports.vectors.put(keyOf(content), encodeVector(vector, ports.model.precision));
    }),
  );
  return missing.length;
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
