// Chooses the source of a reference by its scheme, from an allow-list; everything else is refused.
import type { ContentSource } from '../pipeline/dataset-ports.ts';
import { ItemFailure } from '../pipeline/item-failure.ts';

export class SchemeSource implements ContentSource {
  readonly #sources: Readonly<Record<string, ContentSource>>;

  /** `sources` by scheme without the colon, e.g. `{ file, obj }`. */
  constructor(sources: Readonly<Record<string, ContentSource>>) {
    this.#sources = sources;
  }

  read(
    uri: string,
    options: { readonly maxBytes: number; readonly signal: AbortSignal },
  ): Promise<Uint8Array> {
    const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(uri)?.[1]?.toLowerCase();
    const source =
      scheme !== undefined && Object.hasOwn(this.#sources, scheme) ? this.#sources[scheme] : undefined;
    if (source === undefined) {
      const allowed = Object.keys(this.#sources).map((name) => `${name}://`);
      const message = `expected a reference by ${allowed.join(' or ')}, got ${uri.slice(0, 200)}`;
      return Promise.reject(new ItemFailure('source_not_allowed', message));
    }
    return source.read(uri, options);
  }
}
