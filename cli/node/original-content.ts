// The bytes of a content for whoever looks at it here: as stored, from the uploads, or from the file on this disk.
import { readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { blobKeys, sha256Hex } from '#actors';
import { NatsUploads } from '#nats';
import type { ClientSystem } from './client-system.ts';

/** Larger originals are not read. */
const MAX_BYTES = 64 * 1024 * 1024;

/** The content's bytes, or undefined when they are not at hand any more, for whatever reason. */
export async function originalContent(
  system: ClientSystem,
  dataset: string,
  {
    content,
    location,
  }: {
    readonly content: string;
    /** Where the original is; null when erased. */
    readonly location: string | null;
  },
): Promise<Uint8Array | undefined> {
  try {
    const stored = await system.blobs(dataset).get(blobKeys.content(content));
    if (stored !== undefined || location === null) return stored;
    const bytes = await readLocation(system, location);
    return bytes !== undefined && sha256Hex(bytes) === content ? bytes : undefined;
  } catch {
    return undefined;
  }
}

async function readLocation(
  { link, names }: ClientSystem,
  location: string,
): Promise<Uint8Array | undefined> {
  if (location.startsWith('obj://')) {
    return new NatsUploads(link, names.objects.uploads).read(location, MAX_BYTES);
  }
  if (!location.startsWith('file://')) return undefined;
  const path = fileURLToPath(location);
  const found = await stat(path);
  return found.isFile() && found.size <= MAX_BYTES ? readFile(path) : undefined;
}
