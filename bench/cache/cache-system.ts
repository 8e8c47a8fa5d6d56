// The system that the cache bench measures: a laptop node with SqueezeNet, which it serves and by which three datasets are
// made. It is started in a folder that may be that of a former one.
import { join } from 'node:path';
import { NatsLink } from '#nats';
import { silentLogger } from '#runtime';
import { answeringNodes } from '../../cli/cache/cache-stats.ts';
import { parseConfig } from '../../cli/config/index.ts';
import { ClientSystem } from '../../cli/node/client-system.ts';
import { LaptopSystem } from '../../cli/node/laptop-system.ts';
import { watchThreads } from '../cpu-time.ts';
import { SQUEEZENET } from '../quality/picture-facts.ts';

const MODEL = 'squeezenet';
const DATASETS = ['cold-set', 'warm-set', 'restarted-set'] as const;
const CLIENTS = 64;
const POLL_MS = 20;
const ANSWER_MS = 60_000;

export interface Picture {
  readonly id: string;
  readonly bytes: Uint8Array;
}

export interface Run {
  readonly items: number;
  readonly itemsPerS: number;
  /** Of this process and nats-server, for each item. */
  readonly cpuMs: number;
  /** Items by where their vectors came from. */
  readonly causes: Readonly<Record<string, number>>;
  readonly inferences: number;
}

export class CacheSystem implements AsyncDisposable {
  readonly #system: LaptopSystem;
  readonly #client: ClientSystem;

  static async start({
    data,
    folder,
  }: {
    readonly data: string;
    readonly folder: string;
  }): Promise<CacheSystem> {
    const file = join(data, 'models', 'squeezenet-emb512.onnx');
    const config = {
      version: 1,
      models: { [MODEL]: { file, ...SQUEEZENET } },
      datasets: Object.fromEntries(DATASETS.map((name) => [name, { model: MODEL }])),
      node: { embedding: { serve: [MODEL] } },
    };
    const parsed = parseConfig({ text: JSON.stringify(config), place: 'the bench', env: {} });
    const system = await LaptopSystem.start({
      config: { ...parsed, dataDir: folder, fileRoots: [], modelFiles: { [MODEL]: file } },
      log: silentLogger,
      env: {},
      version: '0.0.0',
    });
    const { url, token = '' } = system.address;
    const link = await NatsLink.connect({ servers: url, token, name: 'bench', log: silentLogger });
    return new CacheSystem(system, new ClientSystem({ link, names: system.names, timeoutMs: ANSWER_MS }));
  }

  private constructor(system: LaptopSystem, client: ClientSystem) {
    this.#system = system;
    this.#client = client;
  }

  /** All pictures as requests for vectors, by `CLIENTS` clients with one request at a time each. */
  async ask(pictures: readonly Picture[]): Promise<Run> {
    const { link, names } = this.#client;
    let next = 0;
    const client = async () => {
      for (let at = next++; at < pictures.length; at = next++) {
        const { bytes } = pictures[at] as Picture;
        const answer = await link.requestMessage(names.subjects.embed(MODEL), bytes, ANSWER_MS);
        if (answer.data.length !== SQUEEZENET.dimension * 4) {
          throw new Error(`no vector: ${answer.headers?.get('Nats-Service-Error')}`);
        }
      }
    };
    return this.#measured({ model: MODEL }, pictures.length, async () => {
      await Promise.all(Array.from({ length: CLIENTS }, client));
    });
  }

  /** All pictures as items of a dataset, until all of them are settled. */
  async settle(dataset: string, pictures: readonly Picture[]): Promise<Run> {
    const { link, names } = this.#client;
    const subject = names.subjects.intake(dataset);
    return this.#measured({ dataset }, pictures.length, async () => {
      let through = 0;
      for (let at = 0; at < pictures.length; at += CLIENTS) {
        const some = pictures.slice(at, at + CLIENTS);
        const receipts = await Promise.all(
          some.map(({ id, bytes: body }) =>
            link.publisher.publish({ subject, data: body, id, headers: { 'Troupe-Id': id } }),
          ),
        );
        through = Math.max(through, ...receipts.map(({ sequence }) => sequence));
      }
      for (;;) {
        const { missing, counts } = await this.#client.keeper(dataset).settled(through);
        if (counts.dead > 0) throw new Error(`${counts.dead} items of ${dataset} died`);
        if (missing.count === 0) return;
        await new Promise<void>((resolve) => void link.clock.schedule(POLL_MS, resolve));
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
    await this.#system.stop();
  }

  async #measured(
    of: { readonly dataset: string } | { readonly model: string },
    items: number,
    work: () => Promise<void>,
  ): Promise<Run> {
    const before = await this.#causes(of);
    const spent = await watchThreads(this.#system.serverPid);
    const startedMs = performance.now();
    await work();
    const seconds = (performance.now() - startedMs) / 1_000;
    const { eventLoopMs, collectorMs, threadsMs, otherMs } = await spent();
    const after = await this.#causes(of);
    const causes = Object.fromEntries(
      Object.entries(after).map(([cause, count]) => [cause, count - (before[cause] ?? 0)]),
    );
    const counted = Object.values(causes).reduce((sum, count) => sum + count, 0);
    if (counted !== items) throw new Error(`the node counted ${counted} of ${items} vectors`);
    return {
      items,
      itemsPerS: items / seconds,
      cpuMs: (eventLoopMs + collectorMs + threadsMs + otherMs) / items,
      causes,
      inferences: causes.inference ?? 0,
    };
  }

  /** As `troupe cache stats` shows them. */
  async #causes(of: object): Promise<Readonly<Record<string, number>>> {
    const name = JSON.stringify(of);
    const all = (await answeringNodes(this.#client)).flatMap(({ vectors }) => vectors);
    return all.find((each) => JSON.stringify(each.of) === name)?.counts ?? {};
  }
}
