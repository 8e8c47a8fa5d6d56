// Writes a manifest for other tools: JSON lines with what was published beside what was decided, or the kept
// items themselves as a folder of files.
import { createWriteStream } from 'node:fs';
import { copyFile, link as hardLink, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, normalize, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import {
  blobKeys,
  type ManifestRecord,
  type ManifestRow,
  type ManifestStore,
  type Payload,
  payloadSchema,
} from '#actors';
import { NatsUploads } from '#nats';
import type { ClientSystem } from './client-system.ts';
import { messageCodec } from './message-codec.ts';

interface ExportRequest {
  readonly system: ClientSystem;
  readonly dataset: string;
  readonly store: ManifestStore;
  readonly record: ManifestRecord;
}

export interface ExportResult {
  readonly items: number;
  /** Items that could not be written, in words. */
  readonly problems: readonly string[];
  /** Files in the folder that are none of this manifest's, such as those of an earlier export. */
  readonly others?: number;
}

/**
 * One JSON line for each row: the row, and source, time, metadata and location as published; `erased` where these are
 * gone.
 */
export async function exportJsonLines(
  request: ExportRequest & {
    readonly all: boolean;
    readonly file?: string;
    readonly print?: (line: string) => void;
  },
): Promise<ExportResult> {
  let items = 0;
  const lines = async function* (): AsyncGenerator<string> {
    const envelope = await request.store.envelope(request.record);
    for await (const row of request.store.rows(envelope)) {
      if (!request.all && row.outcome !== 'kept') continue;
      const payload = await readPayload(request, row);
      const { source, time, metadata, mediaType, location } = payload ?? erased;
      items += 1;
      const gone = payload === null && { erased: true };
      yield JSON.stringify({ ...row, source, time, metadata, mediaType, location, ...gone });
    }
  };
  if (request.file === undefined) for await (const line of lines()) request.print?.(line);
  else await pipeline(lines, endLines, createWriteStream(request.file));
  return { items, problems: [] };
}

async function* endLines(lines: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const line of lines) yield `${line}\n`;
}

const erased = { source: null, time: null, metadata: null, mediaType: null, location: null };

/** The kept files under `folder`, named by their ids; files on this disk are linked when asked for. */
export async function exportFolder(
  request: ExportRequest & { readonly folder: string; readonly link: boolean },
): Promise<ExportResult> {
  const names = new FileNames();
  const written = new Set<string>();
  const problems: string[] = [];
  let items = 0;
  await mkdir(request.folder, { recursive: true });
  const envelope = await request.store.envelope(request.record);
  for await (const row of request.store.rows(envelope)) {
    if (row.outcome !== 'kept' || row.content === null) continue;
    const payload = await readPayload(request, row);
    const path = join(request.folder, names.take(row, payload));
    await mkdir(dirname(path), { recursive: true });
    const problem =
      payload === null ? 'its payload is erased' : await writeContent(request, row.content, payload, path);
    if (problem === undefined) {
      items += 1;
      written.add(path);
    } else problems.push(`${row.id}: ${problem}`);
  }
  return { items, problems, others: await othersIn(request.folder, written) };
}

/** How many files below the folder were not written now. */
async function othersIn(folder: string, written: ReadonlySet<string>): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory());
  return files.filter(({ parentPath, name }) => !written.has(join(parentPath, name))).length;
}

async function writeContent(
  request: ExportRequest & { readonly link: boolean },
  content: string,
  payload: Payload,
  path: string,
): Promise<string | undefined> {
  if (payload.location.startsWith('file://')) {
    const original = fileURLToPath(payload.location);
    try {
      await makeWay(path);
      if (request.link) await hardLink(original, path);
      else await copyFile(original, path);
      return undefined;
    } catch (error) {
      return `${original} could not be ${request.link ? 'linked' : 'copied'} (${(error as NodeJS.ErrnoException).code})`;
    }
  }
  if (!/^(blob:|obj:\/\/)/.test(payload.location)) {
    return `its original is at ${payload.location}, which an export does not fetch`;
  }
  const bytes = payload.location.startsWith('obj://')
    ? await new NatsUploads(request.system.link, request.system.names.objects.uploads).read(
        payload.location,
        Number.MAX_SAFE_INTEGER,
      )
    : await request.system.blobs(request.dataset).get(blobKeys.content(content));
  if (bytes === undefined) return 'its content is no longer stored';
  try {
    await makeWay(path);
    await writeFile(path, bytes);
    return undefined;
  } catch (error) {
    return `${path} could not be written (${(error as NodeJS.ErrnoException).code})`;
  }
}

/** What an earlier export left there may be a link to an original, which is not to be written over. */
async function makeWay(path: string): Promise<void> {
  await rm(path, { force: true });
}

async function readPayload(request: ExportRequest, row: ManifestRow): Promise<Payload | null> {
  const bytes = await request.system.blobs(request.dataset).get(blobKeys.payload(row.item));
  return bytes === undefined ? null : payloadSchema.parse(messageCodec.decode(bytes));
}

/** Gives each item a file name inside the folder: its id, or its digest where the id would leave it or clash. */
class FileNames {
  /** In lower case: on some disks `A` and `a` are one file. */
  readonly #files = new Set<string>();
  readonly #folders = new Set<string>();

  take(row: ManifestRow, payload: Payload | null): string {
    const plain = normalize(row.id);
    const extension = payload?.mediaType?.split('/')[1]?.replace(/[^a-z0-9]/g, '') ?? 'bin';
    const name = isInside(plain) && this.#isFree(plain) ? plain : `${row.item}.${extension}`;
    this.#files.add(name.toLowerCase());
    for (const folder of foldersOf(name)) this.#folders.add(folder);
    return name;
  }

  #isFree(name: string): boolean {
    const file = name.toLowerCase();
    if (this.#files.has(file) || this.#folders.has(file)) return false;
    return foldersOf(name).every((folder) => !this.#files.has(folder));
  }
}

/** Whether a normalised id is the path of a file below the folder, in characters that every disk takes. */
function isInside(path: string): boolean {
  const leaves = path === '.' || path === '..' || path.startsWith(`..${sep}`) || path.startsWith(sep);
  return !leaves && path.length < 200 && /^[\w .,()@+=/-]+$/.test(path) && !path.endsWith(sep);
}

/** The folders that a relative path goes through, in lower case. */
function foldersOf(path: string): readonly string[] {
  const parts = path.toLowerCase().split(sep);
  return parts.slice(0, -1).map((_, at) => parts.slice(0, at + 1).join(sep));
}
