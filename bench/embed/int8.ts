// SqueezeNet in int8 beside the same model in float32: each in a bare session, and the cosine between their vectors. The int8
// model is made here, calibrated by pictures that are not measured.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ModelIdentity } from '#actors';
import { floatInput, inputShape } from '../../actors/image/model-preprocessing.ts';
import type { SessionSpec } from '../../actors/image/session-spec.ts';
import { type BenchOptions, BenchRefused, type Metrics, metricOf } from '../contract.ts';
import { bareSession } from './bare-sessions.ts';
import { int8Model } from './int8-model.ts';
import { type ModelPicture, modelPictures, squeezenet, squeezenetFile } from './squeezenet.ts';

const BATCH = 8;
const CALIBRATION = 64;

export async function int8({ data, quick, note }: BenchOptions): Promise<Metrics> {
  if (data === undefined) throw new BenchRefused('embed measures a real model: give --data');
  const model = await squeezenet(data, BATCH);
  const count = quick ? 128 : 512;
  const pictures = await modelPictures(data, model, count + CALIBRATION);
  const folder = await mkdtemp(join(tmpdir(), 'troupe-bench-'));
  try {
    note('making the int8 model');
    const file = join(folder, 'squeezenet-int8.onnx');
    await writeFile(file, await quantised(model, pictures.slice(count)));
    return await compared(model, await squeezenetFile(file, BATCH), pictures.slice(0, count), {
      quick,
      note,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function quantised({ session }: ModelIdentity, pictures: readonly ModelPicture[]): Promise<Uint8Array> {
  const spec = session as SessionSpec;
  const shape = inputShape(1, spec);
  const calibration = pictures.map(({ pixels }) => ({ values: floatInput([pixels], spec), shape }));
  return int8Model(await readFile(spec.path), calibration);
}

async function compared(
  model: ModelIdentity,
  small: ModelIdentity,
  pictures: readonly ModelPicture[],
  { quick, note }: Pick<BenchOptions, 'quick' | 'note'>,
): Promise<Metrics> {
  const [fp32, int8] = [await bareSession(model, pictures), await bareSession(small, pictures)];
  const rates: number[] = [];
  const gains: number[] = [];
  const cpuGains: number[] = [];
  let cosines: readonly number[] = [];
  try {
    for (let round = 0; round < (quick ? 2 : 5); round++) {
      const [whole, half] = [await fp32.run(BATCH), await int8.run(BATCH)];
      rates.push(half.itemsPerS);
      gains.push(half.itemsPerS / whole.itemsPerS);
      cpuGains.push(whole.cpuMs / half.cpuMs);
      cosines = half.vectors.map((vector, at) => cosine(vector, whole.vectors[at] as Float32Array));
      note(
        `round ${round + 1}: fp32 ${whole.itemsPerS.toFixed(1)}/s, int8 ${half.itemsPerS.toFixed(1)}/s, CPU ${cpuGains.at(-1)?.toFixed(2)} times as good`,
      );
    }
  } finally {
    await Promise.all([fp32.thread.terminate(), int8.thread.terminate()]);
  }
  const beside = `fp32 in a bare session, batch ${BATCH}, one thread, same round`;
  return {
    'embed.int8_items_per_s': metricOf(rates, 'vectors/s'),
    'embed.int8_gain': metricOf(gains, '', beside),
    'embed.int8_cpu_gain': metricOf(cpuGains, '', 'CPU time of fp32, same round'),
    'embed.int8_cosine': metricOf(cosines, '', `the fp32 vectors of ${cosines.length} pictures`),
  };
}

/** Of two vectors of length 1. */
function cosine(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, at) => sum + value * (b[at] as number), 0);
}
