#!/usr/bin/env node
// Starts the command line on Node.js 24 or newer: an older Node hands over to the `node` package installed beside
// this one. In a checkout the sources run; in the published package, the build. Plain JavaScript for old versions.
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import module from 'node:module';
import { constants, homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const NEEDED_MAJOR = 24;
/**
 * How glibc gives memory back: by default it keeps what threads have freed, in heaps of up to eight for each core, which
 * makes a node that decodes pictures grow by many times what it holds. Other C libraries do not read these.
 */
const MEMORY_VARIABLES = { MALLOC_ARENA_MAX: '2', MALLOC_TRIM_THRESHOLD_: '131072' };
/**
 * Room for new objects of the event loop's heap: three times so many MiB. V8's own 32 is filled with garbage, and with the
 * buffers that it holds on to, before anything is collected: how much of that is there at a time is chance.
 */
const SEMI_SPACE = '--max-semi-space-size';
const SEMI_SPACE_MB = 8;
const here = dirname(fileURLToPath(import.meta.url));

if (Number.parseInt(process.versions.node, 10) >= NEEDED_MAJOR) {
  await runHere();
} else {
  const node = findNode();
  if (node === undefined) {
    console.error(
      `troupe needs Node.js ${NEEDED_MAJOR} or newer, but runs on ${process.versions.node} (${process.execPath}), and no newer one is installed beside it.\n` +
        `Install Node.js ${NEEDED_MAJOR}, or add it to this project with \`npm install node@${NEEDED_MAJOR}\`; in a checkout, \`npm ci\` brings it.`,
    );
    process.exitCode = 2;
  } else {
    handOver(node);
  }
}

async function runHere() {
  keepCompiledCode();
  becomeFrugal();
  const source = join(here, '..', 'cli', 'main.ts');
  const built = join(here, '..', 'dist', 'cli', 'main.js');
  const { main } = await import(pathToFileURL(existsSync(source) ? source : built).href);
  // Now, since a node may be killed; at its end a process does it by itself.
  module.flushCompileCache();
  await main(process.argv.slice(2));
}

/**
 * Keeps compiled code between runs, in the user's cache folder: a short command takes twice the time without. Whoever sets
 * Node's own variables has it their way.
 */
function keepCompiledCode() {
  if (process.env.NODE_COMPILE_CACHE !== undefined) return;
  const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'troupe', 'compiled');
  const { directory } = module.enableCompileCache(folder);
  // Worker threads, and what this process starts over as, read it.
  if (directory !== undefined) process.env.NODE_COMPILE_CACHE = folder;
}

/**
 * Starts this program over in the same process with what is read only then: `MEMORY_VARIABLES` and the size of the heap's
 * new space. Only for a node: other commands are short. Whoever sets one of them has it their way.
 */
function becomeFrugal() {
  if (process.platform !== 'linux' || !process.argv.slice(2).includes('up') || process.execve === undefined)
    return;
  // A channel to whoever started this process would be lost, and each of the two would take the other for gone.
  if (process.connected !== undefined) return;
  const sets = (name) => process.env[name] !== undefined;
  const variables = Object.keys(MEMORY_VARIABLES).some(sets) ? {} : MEMORY_VARIABLES;
  const options = [...process.execArgv, process.env.NODE_OPTIONS ?? ''].join(' ').replaceAll('_', '-');
  const flags = options.includes(SEMI_SPACE) ? [] : [`${SEMI_SPACE}=${SEMI_SPACE_MB}`];
  if (Object.keys(variables).length === 0 && flags.length === 0) return;
  process.execve(
    process.execPath,
    [process.execPath, ...process.execArgv, ...flags, ...process.argv.slice(1)],
    { ...process.env, ...variables },
  );
}

/** The nearest installed Node.js binary upwards of this file that is not the one that runs now. */
function findNode() {
  const running = realpathSync(process.execPath);
  for (let folder = here; ; folder = dirname(folder)) {
    for (const place of ['node/bin/node', 'node/bin/node.exe', '.bin/node']) {
      const candidate = join(folder, 'node_modules', place);
      if (existsSync(candidate) && realpathSync(candidate) !== running) return candidate;
    }
    if (dirname(folder) === folder) return undefined;
  }
}

/** Runs this file again on another Node.js and becomes its shadow: same streams, signals and exit code. */
function handOver(node) {
  const child = spawn(node, [...process.execArgv, fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2']) {
    process.on(signal, () => {
      // A terminal gives Ctrl-C and Ctrl-\ to both processes itself; a second one would mean "at once".
      const fromTerminal = (signal === 'SIGINT' || signal === 'SIGQUIT') && process.stdin.isTTY === true;
      if (!fromTerminal) child.kill(signal);
    });
  }
  child.on('error', (error) => {
    console.error(
      `troupe cannot start ${node}: ${error.message}\nReinstall it with \`npm install node@${NEEDED_MAJOR}\`.`,
    );
    process.exitCode = 2;
  });
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
  });
}
