// How well duplicates are found: tables of precision and recall on real data with known truth, both models side by side
// and the field's usual default (pHash within 10 bits alone) as the baseline.
import { type Bench, type BenchOptions, BenchRefused, type Metrics } from './contract.ts';
import { cifarQuality, clothingQuality } from './quality/collection-quality.ts';
import { photoQuality } from './quality/photo-quality.ts';
import { PictureReader } from './quality/picture-facts.ts';
import { recordQuality } from './quality/record-quality.ts';
import { textQuality } from './quality/text-quality.ts';

export const qualityBench: Bench = {
  parts: ['photos', 'cifar', 'clothing', 'text', 'records'],
  run: measure,
};

async function measure(options: BenchOptions): Promise<Metrics> {
  const { data, note, quick, only } = options;
  if (data === undefined) {
    throw new BenchRefused('the quality bench needs --data DIR, a folder laid out as shared/data');
  }
  const wants = (part: string) => only === undefined || only === part;
  const text = wants('text') ? await textQuality(data, note) : {};
  const records = wants('records') ? await recordQuality(data, note) : {};
  if (only === 'text' || only === 'records') return { ...text, ...records };
  await using reader = await PictureReader.open(data);
  return {
    ...(wants('photos') ? await photoQuality(reader, data, options) : {}),
    ...(wants('cifar') && !quick ? await cifarQuality(reader, data, options) : {}),
    ...(wants('clothing') ? await clothingQuality(reader, data, options) : {}),
    ...text,
    ...records,
  };
}
