// Reads `file://` references from this node's own disk, under configured roots only. Links are resolved before
// the check, so a link out of a root leads nowhere.
import { constants } from 'node:fs';
import { access, type FileHandle, open, realpath } from 'node:fs/promises';
import { relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ContentSource, ReadOptions } from '../pipeline/dataset-ports.ts';
import { ItemFailure, PassingFailure } from '../pipeline/item-failure.ts';
import { bodyMemory } from './body-buffer.ts';

/**
 * Not blocking, as opening a pipe that nobody writes to would else never return; and no link, as the path was resolved
 * before: one that took its place since is refused.
 */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

/** A source over the folders `roots`; with none, every file is refused. */
export class FileSource implements ContentSource {
  readonly #roots: readonly string[];

  constructor(roots: readonly string[]) {
    this.#roots = roots;
  }

  /** The root that the path lies under as it is written. */
  placeOf(uri: string): string | undefined {
    const root = this.#rootOf(uri);
    return root === undefined ? undefined : `file://${root}`;
  }

  async read(uri: string, { maxBytes, admit }: Pick<ReadOptions, 'maxBytes' | 'admit'>): Promise<Uint8Array> {
    await this.#checkRoot(uri);
    const path = await this.#resolve(uri);
    try {
      const file = await open(path, OPEN_FLAGS);
      try {
        const stat = await file.stat();
        if (!stat.isFile()) throw new ItemFailure('not_found', `expected a regular file at ${uri}`);
        if (stat.size > maxBytes) {
          throw new ItemFailure('too_large', `expected at most ${maxBytes} bytes, got ${stat.size}`);
        }
        await admit(stat.size);
        return await readWhole(file, stat.size, uri);
      } finally {
        await file.close();
      }
    } catch (cause) {
      throw classify(uri, cause);
    }
  }

  #rootOf(uri: string): string | undefined {
    try {
      const path = resolve(fileURLToPath(uri));
      return this.#roots.find((root) => isInside(resolve(root), path));
    } catch {
      return undefined;
    }
  }

  /** A root that is away (a disk that is not mounted) or shut says nothing about the files in it. */
  async #checkRoot(uri: string): Promise<void> {
    const root = this.#rootOf(uri);
    if (root === undefined) return;
    try {
      await access(root, constants.R_OK | constants.X_OK);
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new PassingFailure('fetch_failed', `the folder ${root} cannot be read (${code})`, {
        cause,
        failureClass: 'recoverable',
        ofSource: true,
      });
    }
  }

  async #resolve(uri: string): Promise<string> {
    let path: string;
    try {
      path = fileURLToPath(uri);
    } catch (cause) {
      throw new ItemFailure(
        'source_not_allowed',
        `expected file:///absolute/path, got ${uri.slice(0, 200)}`,
        { cause },
      );
    }
    let real: string;
    try {
      real = await realpath(path);
    } catch (cause) {
      // A path outside the roots is refused whether or not it exists, so that nothing is learnt of the disk.
      if (!(await this.#allows(path))) throw this.#refusal(uri);
      throw classify(uri, cause);
    }
    if (!(await this.#allows(real))) throw this.#refusal(uri);
    return real;
  }

  async #allows(path: string): Promise<boolean> {
    for (const root of this.#roots) {
      const real = await realpath(root).catch(() => undefined);
      if (real === undefined) continue;
      if (isInside(real, path)) return true;
    }
    return false;
  }

  #refusal(uri: string): ItemFailure {
    const allowed = this.#roots.length === 0 ? 'no folder (files.roots is empty)' : this.#roots.join(', ');
    return new ItemFailure(
      'source_not_allowed',
      `${uri.slice(0, 200)} is not allowed; files may be read from ${allowed}`,
    );
  }
}

function isInside(root: string, path: string): boolean {
  const inside = relative(root, path);
  return inside !== '' && inside !== '..' && !inside.startsWith(`..${sep}`);
}

/** Exactly `size` bytes; a file that changes its length meanwhile is read again later. */
async function readWhole(file: FileHandle, size: number, uri: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(bodyMemory(size + 1));
  let at = 0;
  for (;;) {
    const { bytesRead } = await file.read(bytes, at, bytes.byteLength - at, at);
    at += bytesRead;
    if (bytesRead === 0 || at > size) break;
  }
  if (at === size) return bytes.subarray(0, size);
  throw new PassingFailure('fetch_failed', `${uri.slice(0, 200)} changed while it was read`);
}

const ABSENT: readonly unknown[] = [
  'ENOENT',
  'ENOTDIR',
  'ELOOP',
  'ENAMETOOLONG',
  'ENXIO',
  'ENODEV',
  // A path with a zero byte, which no file can have.
  'ERR_INVALID_ARG_VALUE',
];

/** The file system that a root lies on does not answer. */
const AWAY: ReadonlySet<string> = new Set(['EHOSTDOWN', 'ENOTCONN', 'ESTALE', 'ETIMEDOUT']);
/** This process has too much open. */
const EXHAUSTED: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

/** What the system says of a file is the item's fault or bad luck, never a bug of ours. */
function classify(uri: string, cause: unknown): unknown {
  if (!(cause instanceof Error) || cause instanceof ItemFailure) return cause;
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === undefined) return cause;
  if (ABSENT.includes(code)) {
    return new ItemFailure('not_found', `nothing is at ${uri.slice(0, 200)}`, { cause });
  }
  return new PassingFailure('fetch_failed', `${uri.slice(0, 200)} could not be read (${code})`, {
    cause,
    ...(AWAY.has(code) && { failureClass: 'recoverable' as const }),
    ...(EXHAUSTED.has(code) && { failureClass: 'resource' as const }),
    ofSource: AWAY.has(code) || code === 'EIO',
  });
}
