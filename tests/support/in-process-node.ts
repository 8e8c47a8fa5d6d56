// A whole node in the test's own process, with a nats-server of its own, as `troupe up` runs it: for what only the process
// itself can be asked, such as the spans that it ends. Its metrics and health answer on a port that is known beforehand.
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '#runtime';
import { loadConfig } from '../../cli/config/index.ts';
import { type LaptopOptions, LaptopSystem } from '../../cli/node/laptop-system.ts';
import { endWithThisProcess } from './end-with-process.ts';
import { serverFor } from './nats-server.ts';
import { type SystemAddress, SystemClient } from './system-client.ts';

export class InProcessNode extends SystemClient implements AsyncDisposable {
  /** `http://127.0.0.1:PORT`; answers from soon after the start of `system`. */
  readonly http: string;
  /** Resolves when the node is up. */
  readonly started: Promise<LaptopSystem>;
  readonly #folder: string;
  readonly #unregister: () => void;
  #system: LaptopSystem | undefined;

  private constructor(parts: {
    readonly http: string;
    readonly started: Promise<LaptopSystem>;
    readonly folder: string;
  }) {
    super('photos');
    this.http = parts.http;
    this.started = parts.started;
    this.#folder = parts.folder;
    parts.started.then(
      (system) => {
        this.#system = system;
      },
      () => {},
    );
    this.#unregister = endWithThisProcess({
      endNow: () => {
        const pid = this.#system?.serverPid;
        if (pid !== undefined) process.kill(pid, 'SIGKILL');
      },
    });
  }

  /** Begins to start a node; `options` go to it as they are. */
  static async begin(
    config: { readonly node?: object; readonly [part: string]: object | undefined },
    options: Partial<Pick<LaptopOptions, 'env' | 'tracing'>> = {},
  ): Promise<InProcessNode> {
    const server = await serverFor('newest');
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'troupe-node-')));
    const port = await freePort();
    const whole = { version: 1, ...config, node: { ...config.node, http: { port } } };
    await writeFile(join(folder, 'troupe.yaml'), JSON.stringify(whole));
    const env = { ...options.env, NATS_SERVER_BIN: server.binary };
    const started = LaptopSystem.start({
      ...options,
      config: loadConfig({ cwd: folder, env }),
      log: silentLogger,
      env,
      version: '1.2.3',
    });
    started.catch(() => {});
    return new InProcessNode({ http: `http://127.0.0.1:${port}`, started, folder });
  }

  async address(): Promise<SystemAddress> {
    const { url, token = '' } = (await this.started).address;
    return { url, token };
  }

  /** Status and body of a path; undefined while nothing listens. */
  async get(path: string): Promise<{ readonly status: number; readonly body: string } | undefined> {
    try {
      const answer = await fetch(`${this.http}${path}`);
      return { status: answer.status, body: await answer.text() };
    } catch {
      return undefined;
    }
  }

  /** Drains the node and ends its server, as Ctrl-C does. */
  async stop(): Promise<void> {
    await this.started.catch(() => {});
    const system = this.#system;
    this.#system = undefined;
    await system?.stop();
  }

  protected logTail(): string {
    return '(a node in the process of the test logs nothing)';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.disconnect();
    await this.stop();
    this.#unregister();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** One that nobody listened on a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('expected an address with a port');
  return address.port;
}
