// The launcher: on an old Node it hands over to the Node.js that is installed beside it, or says what is missing.
import { spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'troupe-launcher-'));
const oldNode = findOldNode();

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A Node.js on the PATH that is older than 24 but can run modules. */
function findOldNode(): string | undefined {
  const places = (process.env.PATH ?? '').split(delimiter).map((place) => join(place, 'node'));
  return places.find((place) => {
    if (!existsSync(place)) return false;
    const major = Number.parseInt(spawnSync(place, ['--version'], { encoding: 'utf8' }).stdout.slice(1), 10);
    return major >= 18 && major < 24;
  });
}

/** A package with the launcher, a program of its own and, if wanted, a Node.js beside it. */
function packageWith(program: string, options: { readonly node: boolean }): string {
  const place = mkdtempSync(join(folder, 'package-'));
  mkdirSync(join(place, 'bin'));
  mkdirSync(join(place, 'dist', 'cli'), { recursive: true });
  cpSync(join(root, 'bin', 'troupe.js'), join(place, 'bin', 'troupe.js'));
  writeFileSync(join(place, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(place, 'dist', 'cli', 'main.js'), program);
  if (options.node) {
    mkdirSync(join(place, 'node_modules', 'node', 'bin'), { recursive: true });
    symlinkSync(process.execPath, join(place, 'node_modules', 'node', 'bin', 'node'));
  }
  return join(place, 'bin', 'troupe.js');
}

const ECHO = `export async function main(args) {
  console.log(process.versions.node.split('.')[0], JSON.stringify(args), process.env.MARK);
  process.exitCode = 7;
}`;

describe('the launcher', () => {
  it('runs the sources of a checkout with its arguments', () => {
    const run = spawnSync(process.execPath, [join(root, 'bin', 'troupe.js'), '--version'], {
      encoding: 'utf8',
    });
    expect(run).toMatchObject({ status: 0, stdout: '0.1.0\n', stderr: '' });
  });

  it('runs the build where there are no sources', () => {
    const run = spawnSync(process.execPath, [packageWith(ECHO, { node: false }), 'a', '--b'], {
      encoding: 'utf8',
    });
    expect(run).toMatchObject({ status: 7, stdout: expect.stringContaining('["a","--b"]') });
  });
});

const COMPILED = `import module from 'node:module';
import { Worker } from 'node:worker_threads';
const TELL = 'const { parentPort } = require("node:worker_threads"); parentPort.postMessage(require("node:module").getCompileCacheDir() ?? null)';
export async function main() {
  new Worker(TELL, { eval: true }).once('message', (thread) => {
    console.log(JSON.stringify({ own: module.getCompileCacheDir() ?? null, thread }));
  });
}`;

describe('the launcher of any command', () => {
  const launcher = packageWith(COMPILED, { node: false });
  const { NODE_COMPILE_CACHE: _, ...plain } = process.env;
  const start = (env: Readonly<Record<string, string>>) => {
    const run = spawnSync(process.execPath, [launcher], { encoding: 'utf8', env: { ...plain, ...env } });
    return JSON.parse(run.stdout) as { readonly own: string | null; readonly thread: string | null };
  };

  it("keeps compiled code, its threads' too, in the cache folder of the user", () => {
    const { own, thread } = start({ XDG_CACHE_HOME: folder });
    expect(own).toContain(join(folder, 'troupe', 'compiled'));
    expect(thread).toBe(own);
    expect(readdirSync(own ?? '')).not.toEqual([]);
  });

  it('keeps none where it cannot write, or where the user has it otherwise', () => {
    writeFileSync(join(folder, 'file'), '');
    expect(start({ XDG_CACHE_HOME: join(folder, 'file') })).toEqual({ own: null, thread: null });
    expect(start({ NODE_DISABLE_COMPILE_CACHE: '1' })).toEqual({ own: null, thread: null });
    const elsewhere = join(folder, 'elsewhere');
    expect(start({ NODE_COMPILE_CACHE: elsewhere }).own).toContain(elsewhere);
  });
});

const MEMORY = `export async function main() {
  console.log(JSON.stringify([process.execArgv, process.env.MALLOC_ARENA_MAX, process.env.MALLOC_TRIM_THRESHOLD_]));
}`;

describe.skipIf(process.platform !== 'linux')('the launcher of a node (skipped: not on Linux)', () => {
  const launcher = packageWith(MEMORY, { node: false });
  const { MALLOC_ARENA_MAX: _, MALLOC_TRIM_THRESHOLD_: __, NODE_OPTIONS: ___, ...plain } = process.env;
  const start = (command: string, env: Readonly<Record<string, string>>, ...options: readonly string[]) => {
    const run = spawnSync(process.execPath, [...options, launcher, command], {
      encoding: 'utf8',
      env: { ...plain, ...env },
    });
    return JSON.parse(run.stdout) as readonly unknown[];
  };

  it('bounds what its heap and its C library keep', () => {
    expect(start('up', {})).toEqual([['--max-semi-space-size=8'], '2', '131072']);
  });

  it('leaves to the user what the user sets, each by itself', () => {
    expect(start('up', { MALLOC_ARENA_MAX: '4' })).toEqual([['--max-semi-space-size=8'], '4', null]);
    expect(start('up', {}, '--max-semi-space-size=32')).toEqual([
      ['--max-semi-space-size=32'],
      '2',
      '131072',
    ]);
    expect(start('up', { NODE_OPTIONS: '--max_semi_space_size=32' })).toEqual([[], '2', '131072']);
  });

  it('leaves other commands as they are', () => {
    expect(start('status', {})).toEqual([[], null, null]);
  });
});

describe.skipIf(oldNode === undefined)('the launcher on an old Node (skipped: none on the PATH)', () => {
  const old = oldNode ?? '';

  it('hands arguments, environment and exit code over to the Node.js beside it', () => {
    const launcher = packageWith(ECHO, { node: true });
    const env = { ...process.env, MARK: 'm' };
    const run = spawnSync(old, [launcher, 'a', '--b'], { encoding: 'utf8', env });
    const major = process.versions.node.split('.')[0];
    expect(run).toMatchObject({ status: 7, stdout: `${major} ["a","--b"] m\n`, stderr: '' });
  });

  it('says which version is needed, which came and what to do, with exit code 2', () => {
    const run = spawnSync(old, [packageWith(ECHO, { node: false })], { encoding: 'utf8' });
    expect(run.status).toBe(2);
    expect(run.stderr).toMatch(/needs Node\.js 24 or newer, but runs on \d+\.\d+\.\d+ /);
    expect(run.stderr).toContain('npm install node@24');
    expect(run.stdout).toBe('');
  });

  it('passes signals on and ends as the program ended', async () => {
    const waiting = `export async function main() {
      process.on('SIGTERM', () => { console.log('asked to stop'); process.exit(5); });
      setInterval(() => undefined, 1000);
      console.log('ready');
    }`;
    const child = spawn(old, [packageWith(waiting, { node: true })], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (text: string) => {
      if (output === '') child.kill('SIGTERM');
      output += text;
    });
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect({ code, output }).toEqual({ code: 5, output: 'ready\nasked to stop\n' });
  });
});
