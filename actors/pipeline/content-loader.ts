// Loads what a comparison of contents needs, each once for a batch: the proxy and, where vectors take part, the vector.
import type { DatasetPorts } from './dataset-ports.ts';
import { PassingFailure } from './item-failure.ts';
import { blobKeys } from './messages.ts';
import { storedVector } from './vector-store.ts';

export class ContentLoader {
  readonly #ports: DatasetPorts;
  readonly #proxies = new Map<string, Promise<Uint8Array>>();
  readonly #vectors = new Map<string, Promise<Float32Array>>();

  constructor(ports: DatasetPorts) {
    this.#ports = ports;
  }

  /** @throws PassingFailure `proxy_missing` */
  proxy(content: string): Promise<Uint8Array> {
    return once(this.#proxies, content, async () => {
      const proxy = await this.#ports.blobs.get(blobKeys.proxy(content));
      if (proxy === undefined) throw missing('proxy', content);
      return proxy;
    });
  }

  /** Begins to read proxies that will be asked for. */
  ahead(...contents: readonly string[]): void {
    // Whoever asks is told of a failure.
    for (const content of contents) this.proxy(content).catch(() => {});
  }

  /** @throws PassingFailure `proxy_missing` */
  vector(content: string): Promise<Float32Array> {
    return once(this.#vectors, content, async () => {
      const vector = await storedVector(this.#ports, content);
      if (vector === undefined) throw missing('vector', content);
      return vector;
    });
  }
}

function once<T>(known: Map<string, Promise<T>>, key: string, load: () => Promise<T>): Promise<T> {
  const present = known.get(key) ?? load();
  known.set(key, present);
  return present;
}

function missing(what: string, content: string): PassingFailure {
  return new PassingFailure('proxy_missing', `no ${what} is stored for content ${content}`);
}
