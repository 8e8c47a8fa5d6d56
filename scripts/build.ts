// Builds the published form: JavaScript and declarations in dist/, with a package.json there that points the
// `#folder` imports at the built folders (Node and TypeScript take the nearest one).
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOMS = ['supervision', 'runtime', 'nats', 'actors', 'cli'];
const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');

const imports = Object.fromEntries(
  ROOMS.filter((room) => room !== 'cli').map((room) => [`#${room}`, `./${room}/index.js`]),
);

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);
writeFileSync(join(dist, 'package.json'), `${JSON.stringify({ type: 'module', imports }, undefined, 2)}\n`);
const compiler = join(
  dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
  'bin',
  'tsc',
);
try {
  execFileSync(process.execPath, [compiler, '-b', ...ROOMS], { cwd: root, stdio: 'inherit' });
  // The compiler's memory of this build is of no use to whoever installs it.
  for (const room of ROOMS) rmSync(join(dist, room, '.tsbuildinfo'));
} catch {
  // The compiler has printed what is wrong.
  process.exitCode = 1;
}
