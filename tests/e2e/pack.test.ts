// The published package: built, packed, installed in an empty folder and used there as a command and as a library.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { programsOf } from '../support/doc-programs.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'troupe-pack-'));
const consumer = join(folder, 'consumer');

/** The environment of a user whose Node is this one; nothing of the npm script that runs the tests. */
const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('npm_'))),
  PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ''}`,
};

function npm(cwd: string, ...args: string[]): string {
  return execFileSync('npm', args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function inConsumer(command: string, ...args: string[]) {
  return spawnSync(command, args, { cwd: consumer, env, encoding: 'utf8' });
}

/** What the compiler says of these files of the consumer. */
function typeCheck(...files: readonly string[]) {
  const require = createRequire(import.meta.url);
  const compiler = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
  const types = dirname(dirname(require.resolve('@types/node/package.json')));
  const options = [
    '--noEmit',
    '--strict',
    '--skipLibCheck',
    'false',
    '--target',
    'esnext',
    '--module',
    'nodenext',
  ];
  const { status, stdout } = inConsumer(
    process.execPath,
    compiler,
    ...options,
    '--typeRoots',
    types,
    '--types',
    'node',
    ...files,
  );
  return { status, stdout };
}

beforeAll(() => {
  execFileSync(process.execPath, [join(root, 'scripts', 'build.ts')], {
    cwd: root,
    env,
    stdio: 'inherit',
  });
  const [packed] = JSON.parse(
    npm(root, 'pack', '--ignore-scripts', '--json', '--pack-destination', folder),
  ) as [{ readonly filename: string }];
  mkdirSync(consumer);
  writeFileSync(join(consumer, 'package.json'), '{ "name": "consumer", "private": true, "type": "module" }');
  // The CUDA libraries that onnxruntime-node would fetch are an extra.
  const options = ['--prefer-offline', '--no-audit', '--no-fund', '--onnxruntime-node-install=skip'];
  npm(consumer, 'install', ...options, join(folder, packed.filename));
}, 240_000);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('the installed package', () => {
  it('answers to npx troupe', () => {
    expect(inConsumer('npx', '--no-install', 'troupe', '--version')).toMatchObject({
      status: 0,
      stdout: '0.1.0\n',
    });
    const check = inConsumer('npx', '--no-install', 'troupe', 'config', 'check', '--json');
    expect(check.status).toBe(0);
    expect(JSON.parse(check.stdout)).toMatchObject({ config: { datasets: { photos: { kind: 'image' } } } });
  });

  it('is a library: troupe/runtime, troupe/supervision, troupe/dedup and troupe/testkit can be imported', () => {
    writeFileSync(
      join(consumer, 'use.js'),
      `import * as runtime from 'troupe/runtime';
import * as supervision from 'troupe/supervision';
import * as testkit from 'troupe/testkit';
import { VectorIndex } from 'troupe/dedup';
console.log(typeof runtime.ActorSystem, Object.keys(supervision).length > 0, typeof testkit.ManualClock);
const index = new VectorIndex(2);
for (let at = 0; at < 1000; at++) index.insert(Float32Array.of(Math.cos(at), Math.sin(at)), at);
console.log(index.query([Float32Array.of(1, 0)], 0.999999)[0].length);`,
    );
    const run = inConsumer(process.execPath, 'use.js');
    expect(run).toMatchObject({ status: 0, stdout: 'function true function\n2\n', stderr: '' });
  });

  it('has declarations that a strict TypeScript project accepts', () => {
    writeFileSync(
      join(consumer, 'use.ts'),
      `import { type ActorRef, ActorSystem } from 'troupe/runtime';
export const tell = (ref: ActorRef<string>): 'queued' | 'busy' | 'dead' => ref.tell('hello');
// @ts-expect-error a reference takes messages of its own type only
export const wrong = (ref: ActorRef<string>): unknown => ref.tell(5);
export const kind: unknown = ActorSystem;
`,
    );
    expect(typeCheck('use.ts')).toEqual({ status: 0, stdout: '' });
  });

  it('accepts the programs of the documentation in a strict TypeScript project', () => {
    const programs = ['actors.md', 'dedup.md', 'testkit.md'].flatMap((page) => programsOf(page));
    const files = programs.map((program, at) => {
      writeFileSync(join(consumer, `doc-${at}.ts`), program.source);
      return `doc-${at}.ts`;
    });
    expect(files).toHaveLength(8);
    expect(typeCheck(...files)).toEqual({ status: 0, stdout: '' });
  });
});
