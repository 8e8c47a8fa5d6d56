// The file that `troupe model add` is given: a path, or a URL that is fetched into the data folder.
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { CommandError } from '../command-error.ts';

/** A protobuf file cannot be larger. */
const MAX_BYTES = 2 ** 31;

/** A file at hand; what was fetched for it goes when it is disposed of. */
export interface FetchedFile extends AsyncDisposable {
  readonly path: string;
}

/** @throws CommandError `usage` for a scheme that is not known, `unreachable` for a URL that cannot be fetched */
export async function fetchModel(
  source: string,
  { signal, onProgress }: { readonly signal: AbortSignal; readonly onProgress: (text: string) => void },
): Promise<FetchedFile> {
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(source)?.[1]?.toLowerCase();
  switch (scheme) {
    case undefined:
      return { path: source, [Symbol.asyncDispose]: async () => {} };
    case 'file':
      return { path: fileURLToPath(source), [Symbol.asyncDispose]: async () => {} };
    case 'http':
    case 'https':
      return download(new URL(source), signal, onProgress);
    default:
      throw new CommandError('usage', `expected a file, file://, http:// or https://, got ${source}`);
  }
}

async function download(
  url: URL,
  signal: AbortSignal,
  onProgress: (text: string) => void,
): Promise<FetchedFile> {
  const folder = await mkdtemp(join(tmpdir(), 'troupe-model-'));
  const dispose = () => rm(folder, { recursive: true, force: true });
  try {
    const path = join(folder, basename(url.pathname) || 'model.onnx');
    const response = await fetch(url, { signal });
    if (!response.ok || response.body === null) throw new Error(`the server answered ${response.status}`);
    let bytes = 0;
    const counted = new Transform({
      transform(chunk: Uint8Array, _encoding, done) {
        bytes += chunk.length;
        onProgress(`fetched ${(bytes / 2 ** 20).toFixed(0)} MiB`);
        done(bytes > MAX_BYTES ? new Error(`it has more than ${MAX_BYTES} bytes`) : null, chunk);
      },
    });
    await pipeline(Readable.fromWeb(response.body), counted, createWriteStream(path), { signal });
    return { path, [Symbol.asyncDispose]: dispose };
  } catch (cause) {
    await dispose();
    signal.throwIfAborted();
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CommandError('unreachable', `${url.href} could not be fetched: ${why}`, { cause });
  }
}
