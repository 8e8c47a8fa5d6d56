// What the Dockerfile does, done in a folder, for machines without an engine: its build steps from a clean context, the files
// that go into the image, and the entry point run from them against a real nats-server, as the user of the image, who may
// write none of them. Linux, as root (to become that user). Takes minutes, and installs from the registry.
//
//   npm run image:rehearse            in a temporary folder, removed afterwards
//   npm run image:rehearse -- --keep  leaves the folder, and says where
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startTestServer } from '../tests/support/nats-server.ts';
import { admittedEntries, type Instruction, instructionsOf, readDockerfile } from './dockerfile.ts';

/** Longest time to come up, and to end once told to. */
const START_MS = 60_000;
const STOP_MS = 45_000;

const root = fileURLToPath(new URL('..', import.meta.url));
const stages = readDockerfile(readFileSync(join(root, 'Dockerfile'), 'utf8'));
const final = stages.at(-1)?.instructions ?? [];

if (process.platform !== 'linux' || process.getuid?.() !== 0) {
  console.error(
    'expected Linux and root, to become the user of the image; on another machine build the image itself',
  );
  process.exitCode = 2;
} else {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-image-'));
  chmodSync(folder, 0o755);
  try {
    await rehearse(folder);
  } finally {
    if (process.argv.includes('--keep')) console.log(`kept in ${folder}`);
    else rmSync(folder, { recursive: true, force: true });
  }
}

async function rehearse(folder: string): Promise<void> {
  const build = join(folder, 'build');
  const image = join(folder, 'image');
  for (const path of [build, image]) mkdirSync(path);
  // The node of the base image: nothing else of this machine's is used.
  const node = join(image, 'usr', 'local', 'bin', 'node');
  mkdirSync(dirname(node), { recursive: true });
  copyFileSync(process.execPath, node);

  for (const step of instructionsOf(stages, 'tree')) runBuildStep(step, build);
  for (const { text } of named(final, 'COPY')) {
    const [, from = '', to = ''] = text.split(/\s+/);
    cpSync(join(build, from.replace(/^\/app\//, '')), join(image, to), {
      recursive: true,
      verbatimSymlinks: true,
    });
  }
  execFileSync('chmod', ['-R', 'a-w,a+rX', image]);
  report(image);
  await runEntryPoint(folder, image, node);
}

function runBuildStep({ name, text }: Instruction, build: string): void {
  if (name === 'RUN') {
    const startedMs = performance.now();
    const path = `${dirname(process.execPath)}${delimiter}${process.env.PATH}`;
    const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('npm_')));
    execFileSync('sh', ['-c', text], { cwd: build, env: { ...env, PATH: path }, stdio: 'inherit' });
    console.log(`RUN ${text}: ${Math.round((performance.now() - startedMs) / 1000)} s`);
  } else if (name === 'COPY') {
    const sources = text.split(/\s+/).slice(0, -1);
    const admitted = admittedEntries(readFileSync(join(root, '.dockerignore'), 'utf8'));
    for (const source of sources.flatMap((entry) => (entry === '.' ? admitted : [entry]))) {
      if (!admitted.includes(source)) throw new Error(`COPY ${source}: .dockerignore keeps it out`);
      if (existsSync(join(root, source))) {
        cpSync(join(root, source), join(build, source), {
          recursive: true,
          filter: (path) => !path.endsWith('.tsbuildinfo'),
        });
      }
    }
  }
}

/** Runs the image's command as its user, has a folder of pictures taken in, and ends it as Kubernetes would. */
async function runEntryPoint(folder: string, image: string, node: string): Promise<void> {
  const [user = ''] = named(final, 'USER').map(({ text }) => text);
  const [uid = '', gid = ''] = user.split(':');
  const [, ...entry] = JSON.parse(named(final, 'ENTRYPOINT')[0]?.text ?? '[]') as readonly string[];
  const home = join(folder, 'tmp');
  const config = join(image, 'etc', 'troupe');
  execFileSync('sh', ['-c', `mkdir -p "$0" "$1" && chmod 1777 "$0"`, home, config]);
  copyFileSync(join(root, 'compose', 'troupe.yaml'), join(config, 'troupe.yaml'));

  await using server = await startTestServer();
  const variables = Object.fromEntries(
    named(final, 'ENV').flatMap(({ text }) => text.split(/\s+/).map((pair) => pair.split('='))),
  ) as Readonly<Record<string, string>>;
  const env = {
    ...variables,
    HOME: home,
    TMPDIR: home,
    TROUPE_DATA_DIR: join(home, 'troupe'),
    PATH: `${dirname(node)}:/usr/bin:/bin`,
    NATS_URL: server.url,
    NATS_TOKEN: server.token,
    TROUPE_NODE__HTTP__HOST: '127.0.0.1',
    TROUPE_NODE__HTTP__PORT: '0',
  };
  const as = ['--reuid', uid, '--regid', gid, '--clear-groups', '--no-new-privs', '--inh-caps=-all', '--'];
  const program = [node, ...entry.map((part) => join(image, part))];
  const troupe = (...args: readonly string[]) => {
    const run = spawnSync('setpriv', [...as, ...program, ...args], { cwd: config, env, encoding: 'utf8' });
    expect(run.status === 0, `troupe ${args.join(' ')}: ${run.stdout}${run.stderr}`);
    return run.stdout;
  };

  const touch = spawnSync('setpriv', [...as, 'touch', join(image, 'app', 'file')], { env });
  expect(touch.status !== 0, 'the user of the image can write below /app');
  console.log(`troupe --version: ${troupe('--version').trim()}, as user ${uid}`);
  troupe('config', 'check');

  const child = spawn('setpriv', [...as, ...program, 'up', '--json', '--name', 'rehearsal'], {
    cwd: config,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log += chunk.toString();
  });
  const over = new Promise<number | null>((resolve) => child.on('exit', (code) => resolve(code)));
  try {
    const up = await within(START_MS, 'the node is up', Promise.race([firstLine(child.stdout), over]));
    expect(typeof up === 'string', `the node ended while starting:\n${log}`);
    const [http] = (JSON.parse(up as string) as { readonly http: readonly string[] }).http;
    const ready = await fetch(`${http}/health/ready`);
    expect(ready.status === 200, `/health/ready answers ${ready.status}: ${await ready.text()}`);
    const pictures = join(home, 'pictures');
    cpSync(join(root, 'docs', 'images'), pictures, { recursive: true });
    troupe('dataset', 'create', 'photos');
    troupe('publish', 'photos', pictures, '--wait');
    troupe('audit', 'photos');
    const metrics = await (await fetch(`${http}/metrics`)).text();
    expect(/troupe_verdicts_total\{[^}]*\} [1-9]/.test(metrics), 'no verdict is counted in /metrics');
    const startedMs = performance.now();
    child.kill('SIGTERM');
    expect((await within(STOP_MS, 'the node ends', over)) === 0, `the node did not end well:\n${log}`);
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    console.log(`took in a picture, drained on SIGTERM in ${seconds} s`);
  } finally {
    child.kill('SIGKILL');
    writeFileSync(join(folder, 'node.log'), log);
  }
}

function firstLine(stream: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve) => {
    createInterface({ input: stream }).once('line', resolve);
  });
}

function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  return Promise.race([
    promise,
    new Promise<never>((_, reject) => {
      setTimeout(() => reject(new Error(`expected within ${ms} ms: ${what}`)), ms).unref();
    }),
  ]);
}

function expect(isTrue: boolean, otherwise: string): void {
  if (!isTrue) throw new Error(otherwise);
}

function named(instructions: readonly Instruction[], name: string): readonly Instruction[] {
  return instructions.filter((instruction) => instruction.name === name);
}

/** What comes on top of the base image, by folder, in bytes as files have them. */
function report(image: string): void {
  const app = join(image, 'app');
  const sizes = readdirSync(app).map((name) => ({ name, bytes: bytesIn(join(app, name)) }));
  const modules = join(app, 'node_modules');
  const packages = readdirSync(modules)
    .flatMap((name) =>
      name.startsWith('@') ? readdirSync(join(modules, name)).map((part) => `${name}/${part}`) : [name],
    )
    .map((name) => ({ name: `node_modules/${name}`, bytes: bytesIn(join(modules, name)) }))
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, 5);
  const total = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { name, bytes } of [...sizes, ...packages])
    console.log(`${megabytes(bytes).padStart(9)}  ${name}`);
  console.log(`${megabytes(total).padStart(9)}  in all, on top of the base image`);
}

function bytesIn(path: string): number {
  const stat = lstatSync(path);
  if (!stat.isDirectory()) return stat.size;
  return readdirSync(path).reduce((sum, name) => sum + bytesIn(join(path, name)), 0);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
