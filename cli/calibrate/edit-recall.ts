// What the measures say of pictures and edits of them: how many a threshold still finds.
import type { ReadPicture } from '#actors';
import { breathe, untilAborted } from './interruptible.ts';
import { type ComparedContent, hashOf, MEASURES, type MeasureName } from './measures.ts';
import { type EditName, editedPhoto } from './picture-edits.ts';

/** As services and people make them; flips and turns are found by hashes of their own. */
export const LOOKED_FOR = [
  'reencode',
  'resize',
  'brighten',
  'blur',
  'watermark',
  'crop5',
  'crop10',
  'crop20',
  'flip',
] as const satisfies readonly EditName[];

/** What was measured between originals and one edit of each. */
export interface EditValues {
  readonly edit: EditName;
  readonly values: Readonly<Record<MeasureName, readonly number[]>>;
}

export interface EditSources {
  /** Originals one after the other, in random order. */
  readonly originals: AsyncIterable<Uint8Array>;
  read(bytes: Uint8Array): Promise<ReadPicture>;
}

export interface EditRecall {
  readonly originals: number;
  readonly edits: readonly EditValues[];
}

/** Edits at most `count` originals; pictures that cannot be read or edited here are passed over. */
export async function measureEdits(
  { originals, read }: EditSources,
  {
    count,
    signal,
    onProgress,
  }: {
    readonly count: number;
    readonly signal: AbortSignal;
    readonly onProgress?: (done: number) => void;
  },
): Promise<EditRecall> {
  const edits = LOOKED_FOR.map((edit) => ({
    edit,
    values: { cosine: [] as number[], phash: [] as number[], dhash: [] as number[], pixels: [] as number[] },
  }));
  let done = 0;
  for await (const bytes of originals) {
    if (done >= count) break;
    const versions = await untilAborted(withEdits(bytes, read, signal), signal);
    if (versions === undefined) continue;
    for (const [at, edited] of versions.edited.entries()) {
      for (const [name, of] of Object.entries(edits[at]?.values ?? {})) {
        const value = MEASURES[name as MeasureName].of(versions.original, edited);
        if (value !== null) of.push(value);
      }
    }
    done += 1;
    onProgress?.(done);
  }
  return { originals: done, edits };
}

/** Share of the values that pass a threshold; null of none. */
export function foundShare(
  measure: MeasureName,
  values: readonly number[],
  threshold: number,
): number | null {
  if (values.length === 0) return null;
  const atLeast = MEASURES[measure].scale.passes === 'atLeast';
  return values.filter((value) => (atLeast ? value >= threshold : value <= threshold)).length / values.length;
}

/** A picture and its edits, or undefined when it is none that can be edited here, or has nothing to be found by. */
async function withEdits(
  bytes: Uint8Array,
  read: EditSources['read'],
  signal: AbortSignal,
): Promise<{ readonly original: ComparedContent; readonly edited: readonly ComparedContent[] } | undefined> {
  try {
    const picture = await read(bytes);
    if (picture.lowInformation) return undefined;
    const edited: ComparedContent[] = [];
    for (const edit of LOOKED_FOR) {
      await breathe(signal);
      edited.push(compared(await read(await editedPhoto(bytes, edit))));
    }
    return { original: compared(picture), edited };
  } catch (error) {
    if (signal.aborted) throw error;
    return undefined;
  }
}

function compared({ hashes, vector, proxy }: ReadPicture): ComparedContent {
  return { phash: hashOf(hashes.phash), dhash: hashOf(hashes.dhash), vector, proxy };
}
