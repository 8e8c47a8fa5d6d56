// Writes a manifest for other tools: JSON lines with what was published beside what was decided, or the kept
// items themselves as a folder of files.
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { copyFile, link as hardLink, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, normalize, sep } from 'node:path';
import { finished } from 'node:stream/promises';
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
}

/** One JSON line for each row: the row, and source, time, metadata and location as published. */
export async function exportJsonLines(
  request: ExportRequest & {
    readonly all: boolean;
    readonly file?: string;
    readonly print?: (line: string) => void;
  },
): Promise<ExportResult> {
  const stream = request.file === undefined ? undefined : createWriteStream(request.file);
  let items = 0;
  const envelope = await request.store.envelope(request.record);
  for await (const row of request.store.rows(envelope)) {
    if (!request.all && row.outcome !== 'kept') continue;
    const payload = await readPayload(request, row);
    const { source, time, metadata, mediaType, location } = payload ?? erased;
    const line = JSON.stringify({ ...row, source, time, metadata, mediaType, location });
    if (stream === undefined) request.print?.(line);
    else if (!stream.write(`${line}\n`)) await once(stream, 'drain');
    items += 1;
  }
  if (stream !== undefined) await finished(stream.end());
  return { items, problems: [] };
}

const erased = { source: null, time: null, metadata: null, mediaType: null, location: null };

/** The kept files under `folder`, named by their ids; files on this disk are linked when asked for. */
export async function exportFolder(
  request: ExportRequest & { readonly folder: string; readonly link: boolean },
): Promise<ExportResult> {
  const taken = new Set<string>();
  const problems: string[] = [];
  let items = 0;
  const envelope = await request.store.envelope(request.record);
  for await (const row of request.store.rows(envelope)) {
    if (row.outcome !== 'kept' || row.content === null) continue;
    const payload = await readPayload(request, row);
    const path = join(request.folder, fileName(row, payload, taken));
    await mkdir(dirname(path), { recursive: true });
    const problem =
      payload === null ? 'its payload is erased' : await writeContent(request, row.content, payload, path);
    if (problem === undefined) items += 1;
    else problems.push(`${row.id}: ${problem}`);
  }
  return { items, problems };
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
      if (request.link) await hardLink(original, path);
      else await copyFile(original, path);
      return undefined;
    } catch (error) {
      return `${original} could not be ${request.link ? 'linked' : 'copied'} (${(error as NodeJS.ErrnoException).code})`;
    }
  }
  const bytes = payload.location.startsWith('obj://')
    ? await new NatsUploads(request.system.link, request.system.names.objects.uploads).read(
        payload.location,
        Number.MAX_SAFE_INTEGER,
      )
    : await request.system.blobs(request.dataset).get(blobKeys.content(content));
  if (bytes === undefined) return 'its content is no longer stored';
  await writeFile(path, bytes);
  return undefined;
}

async function readPayload(request: ExportRequest, row: ManifestRow): Promise<Payload | null> {
  const bytes = await request.system.blobs(request.dataset).get(blobKeys.payload(row.item));
  return bytes === undefined ? null : payloadSchema.parse(messageCodec.decode(bytes));
}

/** The id as a path inside the folder; what would leave it, or clash, is named by the item's digest. */
function fileName(row: ManifestRow, payload: Payload | null, taken: Set<string>): string {
  const plain = normalize(row.id);
  const inside =
    plain !== '..' && !plain.startsWith(`..${sep}`) && !plain.startsWith(sep) && plain.length < 200;
  const isPath = inside && /^[\w .,()@+=/-]+$/.test(plain) && !plain.endsWith(sep);
  const extension = payload?.mediaType?.split('/')[1]?.replace(/[^a-z0-9]/g, '') ?? 'bin';
  let name = isPath ? plain : `${row.item}.${extension}`;
  if (taken.has(name.toLowerCase())) name = `${row.item}.${extension}`;
  taken.add(name.toLowerCase());
  return name;
}
