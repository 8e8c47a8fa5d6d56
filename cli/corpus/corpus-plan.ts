// Decides what a corpus of a given size holds: how many items of each sort, and which scene each copy is made from.
import { SeededRandom } from './seeded-random.ts';
import { isPlantedRelation, PLANTED_RELATIONS, REFUSED_SOURCE, TRUTHS, type Truth } from './truth.ts';

/** Items of each sort among 600. */
const SHARES: Readonly<Record<Truth, number>> = {
  scene: 360,
  exact: 60,
  reencode: 45,
  resize: 45,
  crop2: 30,
  crop5: 20,
  flat: 16,
  corrupt: 14,
  refused: 10,
};

/** Scenes of which a second copy of another sort is made, as a share of the exact copies. */
const SECOND_COPIES = 1 / 3;

const FOLDERS: Readonly<Record<Truth, string>> = {
  scene: 'camera',
  exact: 'mirror',
  reencode: 'mirror',
  resize: 'mirror',
  crop2: 'mirror',
  crop5: 'mirror',
  flat: 'scanner',
  corrupt: 'uploads',
  refused: 'banned',
};

const SOURCES: Readonly<Record<Truth, string>> = {
  scene: 'field-camera',
  exact: 'web-mirror',
  reencode: 'web-mirror',
  resize: 'web-mirror',
  crop2: 'web-mirror',
  crop5: 'web-mirror',
  flat: 'scanner',
  corrupt: 'user-uploads',
  refused: REFUSED_SOURCE,
};

/** The formats of scenes and copies. */
export type ImageFormat = 'jpeg' | 'png' | 'webp';

/** One item to be made. */
export interface PlannedItem {
  readonly id: string;
  readonly source: string;
  readonly truth: Truth;
  /** Counts from 0 within its sort. */
  readonly index: number;
  readonly format: ImageFormat;
  /** The scene that it is a copy of, by index. */
  readonly ofScene?: number;
}

/** How many items of each sort a corpus of `count` items holds; scenes take what rounding leaves. */
function corpusCounts(count: number): Readonly<Record<Truth, number>> {
  const counts = { ...SHARES };
  const total = Object.values(SHARES).reduce((sum, share) => sum + share, 0);
  let others = 0;
  for (const truth of TRUTHS) {
    if (truth === 'scene') continue;
    counts[truth] = Math.max(1, Math.floor((SHARES[truth] * count) / total));
    others += counts[truth];
  }
  counts.scene = count - others;
  return counts;
}

/**
 * The items of a corpus, scenes first. Scenes are copied once, and some twice, so that there are stars of three.
 * @throws RangeError when `count` is below 20, which leaves too few scenes to copy.
 */
export function planCorpus(count: number, seed: number): readonly PlannedItem[] {
  if (!Number.isSafeInteger(count) || count < 20) {
    throw new RangeError(`a corpus has at least 20 items, got ${count}`);
  }
  const counts = corpusCounts(count);
  const random = new SeededRandom(seed, 0);
  const formats = Array.from({ length: counts.scene }, () => randomFormat(random));
  const scenes = random.shuffled(formats.map((_, index) => index));
  const items: PlannedItem[] = [];
  const add = (truth: Truth, index: number, format: ImageFormat, ofScene?: number): void => {
    const suffix = format === 'jpeg' ? 'jpg' : format;
    const id = `${FOLDERS[truth]}/${truth}-${String(index + 1).padStart(4, '0')}.${suffix}`;
    const base = { id, source: SOURCES[truth], truth, index, format };
    items.push(ofScene === undefined ? base : { ...base, ofScene });
  };

  let nextScene = 0;
  for (const truth of ['scene', ...PLANTED_RELATIONS, 'flat', 'corrupt', 'refused'] as const) {
    for (let index = 0; index < counts[truth]; index++) {
      const own = truth === 'scene' ? (formats[index] ?? 'jpeg') : randomFormat(random);
      if (!isPlantedRelation(truth)) {
        add(truth, index, truth === 'flat' ? 'png' : truth === 'corrupt' ? 'jpeg' : own);
        continue;
      }
      const ofScene = scenes[nextScene++ % scenes.length] ?? 0;
      const format = truth === 'exact' ? (formats[ofScene] ?? 'jpeg') : truth === 'reencode' ? 'jpeg' : own;
      add(truth, index, format, ofScene);
    }
    if (truth === 'exact') nextScene -= Math.floor(counts.exact * SECOND_COPIES);
  }
  return items;
}

function randomFormat(random: SeededRandom): ImageFormat {
  const draw = random.next();
  if (draw < 0.65) return 'jpeg';
  return draw < 0.75 ? 'png' : 'webp';
}
