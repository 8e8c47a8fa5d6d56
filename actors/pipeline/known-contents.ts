// What analysis found out about the contents that a dataset has, kept beside their proxies: a content that comes again, under
// whatever name, is not decoded again.
import { z } from 'zod';
import type { Analysis, ContentFacts } from '../kinds/kind.ts';
import type { DatasetPorts } from './dataset-ports.ts';
import { blobKeys, factsSchema } from './messages.ts';
import { vectorKey } from './vector-store.ts';

const noteSchema = z.object({ analysis: z.string(), facts: factsSchema });

/** Not what one line of printable ASCII may hold. */
const NOT_PLAIN = /[^\x20-\x7e]/g;

/** Shared by all ingestors of a dataset on a node. */
export class KnownContents {
  readonly #ports: Pick<DatasetPorts, 'kind' | 'config' | 'model' | 'blobs' | 'vectors'>;
  /** Everything that facts depend on beside the content. */
  readonly #analysis: string;
  readonly #inHand = new Map<string, Promise<void>>();

  constructor(ports: Pick<DatasetPorts, 'kind' | 'config' | 'model' | 'blobs' | 'vectors'>) {
    this.#ports = ports;
    this.#analysis = `${ports.kind.version} of at most ${ports.config.limits.maxPixels} pixels`;
  }

  /**
   * Until what is returned is disposed, others with this content wait here; one that waited for another waits for no third,
   * so that a content which takes long or fails delays each by one analysis at most.
   */
  async takeInHand(content: string): Promise<Disposable> {
    await this.#inHand.get(content);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#inHand.set(content, promise);
    return {
      [Symbol.dispose]: () => {
        if (this.#inHand.get(content) === promise) this.#inHand.delete(content);
        resolve();
      },
    };
  }

  /** What an analysis would find out, where one has and everything that later stages need is stored. */
  async find(content: string): Promise<Pick<Analysis, 'facts' | 'proxy'> | undefined> {
    const stored = await this.#ports.blobs.getNoted(blobKeys.proxy(content));
    if (stored?.note === undefined) return undefined;
    const facts = this.#factsIn(stored.note);
    if (facts?.content !== content || !(await this.#canBeEmbedded(content))) return undefined;
    return { facts, proxy: stored.bytes };
  }

  /** What `find` reads, for the proxy's blob. */
  note(facts: ContentFacts): string {
    const text = JSON.stringify({ analysis: this.#analysis, facts } satisfies z.infer<typeof noteSchema>);
    return text.replace(NOT_PLAIN, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  }

  #factsIn(note: string): ContentFacts | undefined {
    try {
      const { analysis, facts } = noteSchema.parse(JSON.parse(note));
      return analysis === this.#analysis ? facts : undefined;
    } catch {
      // Written by another version: as good as none.
      return undefined;
    }
  }

  async #canBeEmbedded(content: string): Promise<boolean> {
    const { model, vectors, blobs } = this.#ports;
    if (model.proxy === undefined || (await vectors.has(vectorKey(this.#ports, content)))) return true;
    return blobs.has(blobKeys.modelProxy(model.proxy.digest, content));
  }
}
