// Finds the manifest that a command means: by number, `HEAD`, or `HEAD~2` for the parent of HEAD's parent.
import type { ManifestEnvelope, ManifestRecord, ManifestStore } from '#actors';
import { CommandError } from '../command-error.ts';
import type { ClientSystem } from './client-system.ts';

/** A manifest by number or by its place behind HEAD. */
export type ManifestName = { readonly number: number } | { readonly behindHead: number };

export interface FoundManifest {
  readonly record: ManifestRecord;
  readonly envelope: ManifestEnvelope;
  readonly store: ManifestStore;
}

/** Reads `7`, `HEAD` or `HEAD~2`; `undefined` for anything else. */
export function parseManifestName(text: string): ManifestName | undefined {
  const behind = /^HEAD(?:~(\d{1,9}))?$/i.exec(text);
  if (behind !== null) return { behindHead: Number(behind[1] ?? 0) };
  return /^[1-9]\d{0,14}$/.test(text) ? { number: Number(text) } : undefined;
}

/** @throws CommandError `unknown_dataset`, `unknown_manifest` */
export async function findManifest(
  system: ClientSystem,
  dataset: string,
  name: ManifestName,
): Promise<FoundManifest> {
  await system.requireDataset(dataset);
  const store = system.manifests(dataset);
  const number = 'number' in name ? name.number : await ancestor(store, name.behindHead);
  const record = number === undefined ? undefined : await store.record(number);
  if (record !== undefined) return { record, envelope: await store.envelope(record), store };
  const have = (await store.list()).map((each) => each.number);
  const existing = have.length === 0 ? 'none is cut yet' : `there are ${have.join(', ')}`;
  throw new CommandError('unknown_manifest', `no manifest ${nameText(name)} of ${dataset}; ${existing}`);
}

/** Number of the manifest that is `steps` parents before HEAD; `undefined` where there are fewer. */
async function ancestor(store: ManifestStore, steps: number): Promise<number | undefined> {
  let number = await store.head();
  for (let left = steps; left > 0 && number !== undefined; left--) {
    const record = await store.record(number);
    number = record && (await store.envelope(record)).parent?.number;
  }
  return number;
}

function nameText(name: ManifestName): string {
  if ('number' in name) return String(name.number);
  return name.behindHead === 0 ? 'HEAD' : `HEAD~${name.behindHead}`;
}
