// The published package: built, packed, installed in an empty folder and used there as a command and as a library.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

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

  it('is a library: troupe/runtime and troupe/supervision can be imported', () => {
    writeFileSync(
      join(consumer, 'use.js'),
      `import * as runtime from 'troupe/runtime';
import * as supervision from 'troupe/supervision';
console.log(typeof runtime.ActorSystem, Object.keys(supervision).length > 0);`,
    );
    const run = inConsumer(process.execPath, 'use.js');
    expect(run).toMatchObject({ status: 0, stdout: 'function true\n', stderr: '' });
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
    const run = inConsumer(
      process.execPath,
      compiler,
      ...options,
      '--typeRoots',
      types,
      '--types',
      'node',
      'use.ts',
    );
    expect(run.stdout).toBe('');
    expect(run.status).toBe(0);
  });
});
