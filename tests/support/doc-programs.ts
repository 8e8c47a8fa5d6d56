// The programs in our documentation, as a reader would copy them. Each is written to a folder of its own with the
// names of the package's doors replaced by the doors of this checkout, so that it runs without a build.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = join(import.meta.dirname, '..', '..');
const doors: Readonly<Record<string, string>> = {
  supervision: 'supervision/index.ts',
  runtime: 'runtime/index.ts',
  testkit: 'runtime/testkit/index.ts',
  dedup: 'actors/dedup/index.ts',
  nats: 'nats/index.ts',
};

/** One program. */
export interface DocProgram {
  /** The heading above it. */
  readonly title: string;
  readonly source: string;
}

/** The TypeScript programs of a page in docs/, in order. */
export function programsOf(page: string): readonly DocProgram[] {
  const programs: DocProgram[] = [];
  let title = '';
  let lines: string[] | undefined;
  for (const line of readFileSync(join(root, 'docs', page), 'utf8').split('\n')) {
    if (lines === undefined) {
      if (line.startsWith('#')) title = line.replace(/^#+ /, '');
      if (line === '```ts') lines = [];
    } else if (line === '```') {
      programs.push({ title, source: `${lines.join('\n')}\n` });
      lines = undefined;
    } else {
      lines.push(line);
    }
  }
  return programs;
}

/** Writes a program into `folder` to be run there; answers its path. */
export function writeProgram({ source }: DocProgram, folder: string, name: string): string {
  const path = join(folder, name);
  writeFileSync(
    path,
    source.replace(/from 'troupe\/([a-z]+)'/g, (whole, door: string) => {
      const file = doors[door];
      return file === undefined ? whole : `from '${pathToFileURL(join(root, file)).href}'`;
    }),
  );
  return path;
}

/** Runs a program to its end; what it wrote to both outputs, and its exit code. */
export async function runProgram(
  path: string,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(process.execPath, [path]);
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}
