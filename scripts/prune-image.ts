// Takes out of an installed `node_modules` what a node in an image never reads: the ONNX runtimes of other platforms, and what
// packages have only for those who develop with them. Run where the image is built, after `npm ci --omit=dev`.
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

const modules = join(process.cwd(), 'node_modules');
const runtimes = join(modules, 'onnxruntime-node', 'bin', 'napi-v6');
const own = join(runtimes, process.platform, process.arch);
/** Declarations and maps are read by compilers and debuggers only. */
const DEVELOPMENT = /\.(?:d\.[cm]?ts|map|tsbuildinfo)$/;

if (!existsSync(own)) {
  console.error(
    `expected ONNX's runtime for ${process.platform} on ${process.arch} in ${own}; run npm ci --omit=dev first`,
  );
  process.exit(1);
}
const before = bytesIn(modules);
for (const platform of readdirSync(runtimes)) {
  for (const arch of readdirSync(join(runtimes, platform))) {
    const folder = join(runtimes, platform, arch);
    if (folder !== own) rmSync(folder, { recursive: true });
  }
}
for (const file of filesIn(modules)) if (DEVELOPMENT.test(file)) rmSync(file);
console.log(`node_modules: ${megabytes(before)} before, ${megabytes(bytesIn(modules))} after`);

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function bytesIn(folder: string): number {
  return filesIn(folder).reduce((sum, file) => sum + statSync(file).size, 0);
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1_000_000)} MB`;
}
