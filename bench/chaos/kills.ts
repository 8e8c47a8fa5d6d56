// A node that is killed with SIGKILL ten times while it takes in two thousand real pictures: the same manifest, row by row,
// as one that nobody disturbed.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ChaosSystem } from '../../tests/support/chaos/chaos-system.ts';
import { publish } from '../cluster/load.ts';
import { verify } from '../cluster/verify.ts';
import { type BenchOptions, BenchRefused, type Metrics } from '../contract.ts';

const DATASET = 'photos';
const NODE = 'a';
const PICTURES = 2_000;
const QUICK_PICTURES = 200;
const KILLS = 10;
const SETTLE_MS = 1_800_000;
/** Of a folder laid out as `shared/data`, those that hold most of the copies first. */
const FOLDERS = ['photos', 'edits', 'clothing', 'cifar'];

export async function kills({ data, quick, note }: BenchOptions): Promise<Metrics> {
  if (data === undefined) throw new BenchRefused('kills takes real pictures: give --data');
  const contents = await realPictures(data, quick ? QUICK_PICTURES : PICTURES);
  const run = async (disturb: (system: ChaosSystem) => Promise<void>) => {
    await using system = await ChaosSystem.create({ config: { version: 1 }, nodes: [NODE] });
    await system.startAll();
    await publish(await system.client.connect(), DATASET, contents);
    await disturb(system);
    await system.client.waitSettled(contents.length, { deadlineMs: SETTLE_MS });
    const verified = await verify(system.client, contents.length);
    const rows = await system.client.manifestRows();
    const decided = rows.map(({ id, outcome, survivor }) => `${id} ${outcome} ${survivor ?? ''}`).sort();
    return { ...verified, decided };
  };
  note(`${contents.length} pictures, undisturbed`);
  const calm = await run(async () => {});
  let killed = 0;
  const disturbed = await run(async (system) => {
    for (let at = 0; at < KILLS; at++) {
      const atLeast = Math.ceil(((at + 0.5) / KILLS) * contents.length);
      const settled = await system.client.waitSettled(contents.length, { atLeast, deadlineMs: SETTLE_MS });
      await system.kill(NODE);
      if (settled < contents.length) killed += 1;
      note(`killed at ${settled} of ${contents.length}`);
      await system.start(NODE);
    }
  });
  const reference = `${contents.length} real pictures, undisturbed`;
  const other = disturbed.decided.filter((line, at) => line !== calm.decided[at]).length;
  const duplicates = calm.decided.filter((line) => line.includes(' duplicate ')).length;
  return {
    'kills.kills': { value: killed, unit: 'SIGKILL in the middle' },
    'kills.lost': { value: disturbed.lost, unit: 'items', reference },
    'kills.duplicated': { value: disturbed.duplicated, unit: 'outcomes', reference },
    'kills.decided_otherwise': {
      value: other,
      unit: 'rows',
      reference: `${reference}, ${duplicates} duplicates`,
    },
    'kills.digest_equal': { value: disturbed.digest === calm.digest ? 1 : 0, unit: '', reference },
  };
}

async function realPictures(data: string, count: number): Promise<readonly Uint8Array[]> {
  const found: Uint8Array[] = [];
  for (const folder of FOLDERS) {
    const entries = await readdir(join(data, folder), { recursive: true, withFileTypes: true });
    const paths = entries
      .filter((entry) => entry.isFile() && /\.(jpe?g|png)$/i.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name));
    for (const path of paths.sort()) {
      if (found.length < count) found.push(await readFile(path));
    }
  }
  if (found.length < count)
    throw new BenchRefused(`expected ${count} pictures in ${data}, found ${found.length}`);
  return found;
}
