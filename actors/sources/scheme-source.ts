// Chooses the source of a reference by its scheme, from an allow-list; everything else is refused.
import type { ContentSource, ReadOptions } from '../pipeline/dataset-ports.ts';
import { ItemFailure } from '../pipeline/item-failure.ts';

export class SchemeSource implements ContentSource {
  readonly #sources: Readonly<Record<string, ContentSource>>;

  /** `sources` by scheme without the colon, e.g. `{ file, obj }`. */
  constructor(sources: Readonly<Record<string, ContentSource>>) {
    this.#sources = sources;
  }

  placeOf(uri: string): string | undefined {
    return this.#sourceOf(uri)?.placeOf?.(uri);
  }

  read(uri: string, options: ReadOptions): Promise<Uint8Array> {
    const source = this.#sourceOf(uri);
    if (source === undefined) {
      const allowed = Object.keys(this.#sources).map((name) => `${name}://`);
      const message = `expected a reference by ${allowed.join(' or ')}, got ${uri.slice(0, 200)}`;
      return Promise.reject(new ItemFailure('source_not_allowed', message));
    }
    return source.read(uri, options);
  }

  #sourceOf(uri: string): ContentSource | undefined {
    const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(uri)?.[1]?.toLowerCase();
    return scheme !== undefined && Object.hasOwn(this.#sources, scheme) ? this.#sources[scheme] : undefined;
  }
}
