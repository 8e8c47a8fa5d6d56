// Turns what was given to `publish` into items: folders are walked, globs matched, URIs passed on, and lists or `-`
// read line by line. An item's id is its path below the given root, or, in a list, below the working folder.
import { createReadStream } from 'node:fs';
import { glob, readdir, stat } from 'node:fs/promises';
import { basename, join, relative, resolve, sep } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { CommandError } from '../command-error.ts';
import { fileProblem } from '../file-problem.ts';
import { isJsonLine, parseListLine } from './list-line.ts';
import { fileKey, type PublishSource } from './publish-source.ts';

const URI = /^[a-z][a-z0-9+.-]*:\/\//i;
const WILDCARD = /[*?[{]/;
/** Stands for standard input, as a path and as a list. */
export const STDIN = '-';

/** What the command line names. */
export interface GivenSources {
  readonly paths: readonly string[];
  /** Files with one item a line. */
  readonly lists: readonly string[];
  readonly cwd: string;
  readonly stdin: AsyncIterable<Uint8Array>;
}

/** @throws CommandError `usage` for a path that does not exist or has nothing to publish; whatever is wrong in a list is an item that fails */
export async function* expandSources(given: GivenSources): AsyncGenerator<PublishSource, void> {
  const { cwd, stdin } = given;
  for (const source of given.paths) {
    if (source === STDIN) yield* listed(Readable.from(stdin), cwd, 'standard input');
    else if (URI.test(source)) yield { type: 'reference', reference: { uri: source } };
    else yield* expandPath(source, cwd);
  }
  for (const list of given.lists) {
    if (list === STDIN) yield* listed(Readable.from(stdin), cwd, 'standard input');
    else yield* listed(await openList(list, cwd), cwd, list);
  }
}

async function* expandPath(source: string, cwd: string): AsyncGenerator<PublishSource, void> {
  const path = resolve(cwd, source);
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) yield* folder(source, path);
  else if (found?.isFile()) yield fileItem(path, basename(path), found);
  else if (WILDCARD.test(source)) yield* matches(source, cwd);
  else {
    const why = found === undefined ? 'nothing is there' : 'it is neither a file nor a folder';
    throw new CommandError('usage', `expected a file, folder, glob, URI or -, got ${source}: ${why}`);
  }
}

async function* folder(source: string, path: string): AsyncGenerator<PublishSource, void> {
  let any = false;
  for await (const item of walk(path, path)) {
    any = true;
    yield item;
  }
  if (any) return;
  const message = `expected a folder with files, got ${source}: it has none, or only hidden ones and links`;
  throw new CommandError('usage', message);
}

async function* matches(pattern: string, cwd: string): AsyncGenerator<PublishSource, void> {
  const root = globRoot(pattern, cwd);
  let any = false;
  for (const match of await sorted(glob(pattern, { cwd }))) {
    const path = resolve(cwd, match);
    const found = await stat(path).catch(() => undefined);
    if (!found?.isFile()) continue;
    any = true;
    yield fileItem(path, slashed(relative(root, path)), found);
  }
  if (!any)
    throw new CommandError('usage', `expected a glob that matches files, got ${pattern}: it matches none`);
}

/** The folder before the first wildcard. */
function globRoot(pattern: string, cwd: string): string {
  const fixed: string[] = [];
  for (const part of pattern.split('/')) {
    if (WILDCARD.test(part)) break;
    fixed.push(part);
  }
  return resolve(cwd, fixed.join('/') || (pattern.startsWith('/') ? '/' : '.'));
}

/** Regular files below a folder, in the order of their names; hidden ones and links are left out. */
async function* walk(root: string, folder: string): AsyncGenerator<PublishSource, void> {
  let entries: Awaited<ReturnType<typeof list>>;
  try {
    entries = await list(folder);
  } catch (error) {
    yield { type: 'invalid', name: folder, problem: messageOf(error) };
    return;
  }
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(root, path);
    else if (entry.isFile()) yield await statItem(path, slashed(relative(root, path)));
  }
}

async function list(folder: string) {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function* listed(lines: Readable, cwd: string, name: string): AsyncGenerator<PublishSource, void> {
  let number = 0;
  for await (const line of createInterface({ input: lines, crlfDelay: Number.POSITIVE_INFINITY })) {
    number += 1;
    const text = line.trim();
    if (text === '') continue;
    if (isJsonLine(text)) yield parseListLine(text, `${name}, line ${number}`);
    else if (URI.test(text)) yield { type: 'reference', reference: { uri: text } };
    else yield* listedPath(text, cwd);
  }
}

async function* listedPath(text: string, cwd: string): AsyncGenerator<PublishSource, void> {
  const path = resolve(cwd, text);
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) yield* walk(path, path);
  else yield await statItem(path, idBelow(cwd, path));
}

async function openList(file: string, cwd: string): Promise<Readable> {
  const path = resolve(cwd, file);
  const found = await stat(path).catch(() => undefined);
  if (found !== undefined && !found.isDirectory()) return createReadStream(path);
  throw new CommandError('usage', `--list: expected a file or -, got ${file}: it cannot be read`);
}

async function statItem(path: string, id: string): Promise<PublishSource> {
  try {
    const found = await stat(path);
    if (found.isFile()) return fileItem(path, id, found);
    return { type: 'invalid', name: path, problem: 'expected a regular file', key: fileKey(path, id) };
  } catch (error) {
    return { type: 'invalid', name: path, problem: messageOf(error), key: fileKey(path, id) };
  }
}

function fileItem(
  path: string,
  id: string,
  { size, ctimeMs }: { readonly size: number; readonly ctimeMs: number },
): PublishSource {
  return { type: 'file', id, path, bytes: size, changedMs: ctimeMs };
}

/** The path below the working folder; one outside it is named from the root. */
function idBelow(cwd: string, path: string): string {
  const below = slashed(relative(cwd, path));
  return below === '..' || below.startsWith('../') ? slashed(path).replace(/^\/+/, '') : below;
}

function slashed(path: string): string {
  return path.split(sep).join('/');
}

async function sorted(paths: AsyncIterable<string>): Promise<readonly string[]> {
  const all: string[] = [];
  for await (const path of paths) all.push(path);
  return all.sort();
}

function messageOf(error: unknown): string {
  return fileProblem(error) ?? (error instanceof Error ? error.message : String(error));
}
