// How well duplicates are found: tables of precision and recall on real data with known truth, both models side by side
// and the field's usual default (pHash within 10 bits alone) as the baseline.
import { type Bench, BenchRefused } from './contract.ts';
import { cifarQuality, clothingQuality } from './quality/collection-quality.ts';
import { photoQuality } from './quality/photo-quality.ts';
import { PictureReader } from './quality/picture-facts.ts';
import { recordQuality } from './quality/record-quality.ts';
import { textQuality } from './quality/text-quality.ts';

export const qualityBench: Bench = async (options) => {
  const { data, note, quick } = options;
  if (data === undefined) {
    throw new BenchRefused('the quality bench needs --data DIR, a folder laid out as shared/data');
  }
  const text = await textQuality(data, note);
  const records = await recordQuality(data, note);
  await using reader = await PictureReader.open(data);
  return {
    ...(await photoQuality(reader, data, options)),
    ...(quick ? {} : await cifarQuality(reader, data, options)),
    ...(await clothingQuality(reader, data, options)),
    ...text,
    ...records,
  };
};
