// Turns what was given to `publish` into items: folders are walked, globs matched, URIs passed on, and `-` reads
// one path or URI a line from standard input. An item's id is its path below the given root.
import { glob, readdir, stat } from 'node:fs/promises';
import { basename, join, relative, resolve, sep } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { CommandError } from '../command-error.ts';

/** Something to publish. */
export type PublishSource =
  | { readonly type: 'file'; readonly id: string; readonly path: string; readonly bytes: number }
  | { readonly type: 'uri'; readonly uri: string };

/** @throws CommandError `usage` for a path that does not exist */
export async function* expandSources(
  given: readonly string[],
  options: { readonly cwd: string; readonly stdin: AsyncIterable<Uint8Array> },
): AsyncIterable<PublishSource> {
  for (const source of given) {
    if (source === '-') {
      const lines = createInterface({ input: Readable.from(options.stdin) });
      for await (const line of lines) {
        if (line.trim() !== '') yield* expandOne(line.trim(), options.cwd);
      }
    } else yield* expandOne(source, options.cwd);
  }
}

async function* expandOne(source: string, cwd: string): AsyncIterable<PublishSource> {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(source)) {
    yield { type: 'uri', uri: source };
    return;
  }
  const path = resolve(cwd, source);
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) yield* walk(path, path);
  else if (found?.isFile()) yield { type: 'file', id: basename(path), path, bytes: found.size };
  else if (/[*?[{]/.test(source)) yield* matches(source, cwd);
  else
    throw new CommandError(
      'usage',
      `expected a file, folder, glob, URI or -, got ${source}: nothing is there`,
    );
}

async function* matches(pattern: string, cwd: string): AsyncIterable<PublishSource> {
  const root = globRoot(pattern, cwd);
  let any = false;
  for (const match of await sorted(glob(pattern, { cwd }))) {
    const path = resolve(cwd, match);
    const found = await stat(path).catch(() => undefined);
    if (!found?.isFile()) continue;
    any = true;
    yield { type: 'file', id: relative(root, path).split(sep).join('/'), path, bytes: found.size };
  }
  if (!any)
    throw new CommandError('usage', `expected a glob that matches files, got ${pattern}: it matches none`);
}

/** The folder before the first wildcard. */
function globRoot(pattern: string, cwd: string): string {
  const fixed: string[] = [];
  for (const part of pattern.split('/')) {
    if (/[*?[{]/.test(part)) break;
    fixed.push(part);
  }
  return resolve(cwd, fixed.join('/') || (pattern.startsWith('/') ? '/' : '.'));
}

/** Regular files below a folder, in the order of their names; hidden ones are left out. */
async function* walk(root: string, folder: string): AsyncIterable<PublishSource> {
  const entries = await readdir(folder, { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(root, path);
    else if (entry.isFile()) {
      const { size } = await stat(path);
      yield { type: 'file', id: relative(root, path).split(sep).join('/'), path, bytes: size };
    }
  }
}

async function sorted(paths: AsyncIterable<string>): Promise<readonly string[]> {
  const all: string[] = [];
  for await (const path of paths) all.push(path);
  return all.sort();
}
