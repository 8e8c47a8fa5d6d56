// A real nats-server under a configuration file of compose/ or k8s/, as it stands there, but for ports, the storage folder and
// the root of its paths below /etc: those are the test's.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { endWithThisProcess } from './end-with-process.ts';
import { availableServerVersions } from './nats-server.ts';
import { waitUntil } from './wait-until.ts';

const START_MS = 30_000;
const portsSchema = z.looseObject({ nats: z.tuple([z.string()]), monitoring: z.tuple([z.string()]) });

export interface ConfiguredServer extends AsyncDisposable {
  readonly url: string;
  readonly monitorUrl: string;
}

export interface ConfiguredOptions {
  readonly env: Readonly<Record<string, string>>;
  /** Where the configuration stands. */
  readonly path?: string;
  /** Contents of other files below /etc, by path. */
  readonly files?: ReadonlyMap<string, string>;
}

/** Starts the newest server that can be had and resolves when it listens. @throws with its log when it ends before */
export async function startConfigured(
  configuration: string,
  { env, path = '/etc/nats/nats.conf', files = new Map() }: ConfiguredOptions,
): Promise<ConfiguredServer> {
  const binary = (await availableServerVersions()).at(-1)?.binary;
  if (binary === undefined) throw new Error('expected a nats-server, got none');
  const folder = mkdtempSync(join(tmpdir(), 'troupe-configured-'));
  const write = (file: string, text: string) => {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  };
  write(
    path,
    configuration
      .replaceAll('/etc/', `${folder}/etc/`)
      .replace(/(?<=store_dir"?: )"?\/data"?/, JSON.stringify(folder)),
  );
  for (const [file, text] of files) write(file, text);
  const own = ['-a', '127.0.0.1', '-p', '-1', '-m', '-1', '--ports_file_dir', folder];
  const child = spawn(binary, ['-c', join(folder, path), ...own], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log += chunk.toString();
  });
  const over = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const forget = endWithThisProcess({ endNow: () => child.kill('SIGKILL') });
  const end = async () => {
    child.kill('SIGKILL');
    await over;
    forget();
    rmSync(folder, { recursive: true, force: true });
  };
  // The server writes the file in place: until it is whole, it is no JSON.
  const ports = (): z.infer<typeof portsSchema> | undefined => {
    const file = readdirSync(folder).find((name) => name.endsWith('.ports'));
    if (file === undefined) return undefined;
    try {
      return portsSchema.parse(JSON.parse(readFileSync(join(folder, file), 'utf8')));
    } catch (error) {
      if (error instanceof SyntaxError) return undefined;
      throw error;
    }
  };
  try {
    await waitUntil(() => child.exitCode !== null || ports() !== undefined, {
      deadlineMs: START_MS,
      what: () => `the server listens; its log:\n${log}`,
    });
    const listening = ports();
    if (child.exitCode !== null || listening === undefined) {
      throw new Error(`the server ended while starting:\n${log}`);
    }
    const { nats, monitoring } = listening;
    return { url: nats[0], monitorUrl: monitoring[0], [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}
