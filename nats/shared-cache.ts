// A cache that all nodes share: small values in groups, each one message of a key-value bucket of its own, from which the
// oldest go when it is full. Anything may be gone at any time, so that nothing waits for it: what cannot be read now is
// absent, what cannot be stored now is not stored. A server without room for the bucket has none.
import { nuid } from 'nats';
import type { BlobStore } from '#runtime';
import type { NatsLink } from './connection.ts';
import { keyOfToken, keyToken } from './entries.ts';
import { publishFirst } from './fenced-publish.ts';
import { recordStream } from './names.ts';
import { patiently } from './patience.ts';
import { absentAs, readNearby, STREAM_NOT_FOUND } from './stored-message.ts';

/** What is purged where there is no bucket. */
const NOTHING = { purged: 0 };
/** Longest that a look-up may take: what it saves is worth no more. */
const LOOK_UP_MS = 1_000;

export interface SharedCacheStanding {
  readonly entries: number;
  /** As stored, with names and everything. */
  readonly bytes: number;
  readonly maxBytes: number;
  /** How many entries each group has. */
  readonly groups: ReadonlyMap<string, number>;
}

/** Keys are `group/name`, where the group may hold further `/`; the same bytes belong to a key for ever. */
export class SharedCache implements BlobStore {
  readonly #link: NatsLink;
  readonly #stream: string;
  readonly #prefix: string;
  #isFailing = false;

  constructor(link: NatsLink, bucket: string) {
    this.#link = link;
    this.#stream = recordStream(bucket);
    this.#prefix = `$KV.${bucket}.`;
  }

  /** Resolves to whether it was stored now: false also where that was not possible. */
  async put(key: string, data: Uint8Array): Promise<boolean> {
    const subject = this.#subject(key);
    try {
      const isNew = await publishFirst(this.#link, {
        stream: this.#stream,
        subject,
        data,
        id: nuid.next(),
        whenFull: 'fail',
      });
      this.#isFailing = false;
      return isNew;
    } catch (error) {
      this.#failed(error);
      return false;
    }
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    try {
      return await readNearby(this.#link, this.#stream, this.#subject(key), LOOK_UP_MS);
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
  }

  async has(key: string): Promise<boolean> {
    return (await this.get(key)) !== undefined;
  }

  /** Unlike what only reads and adds, it waits for a server that is away. */
  async delete(key: string): Promise<void> {
    await this.#purge(this.#subject(key));
  }

  /** Deletes what all groups have under a name. */
  async deleteNamed(name: string): Promise<void> {
    await this.#purge(`${this.#prefix}*.${keyToken(name)}`);
  }

  /** Deletes a group, or everything. Resolves to how many entries that were. */
  clear(group?: string): Promise<number> {
    return this.#purge(`${this.#prefix}${group === undefined ? '' : `${keyToken(group)}.`}>`);
  }

  /** What it holds now; nothing, of at most nothing, where there is no bucket. */
  async standing(): Promise<SharedCacheStanding> {
    const asked = { subjects_filter: `${this.#prefix}*.*` };
    const info = await patiently(this.#link, () =>
      absentAs(undefined, STREAM_NOT_FOUND, this.#link.manager.streams.info(this.#stream, asked)),
    );
    if (info === undefined) return { entries: 0, bytes: 0, maxBytes: 0, groups: new Map() };
    const { state, config } = info;
    const groups = new Map<string, number>();
    for (const subject of Object.keys(state.subjects ?? {})) {
      const [token = ''] = subject.slice(this.#prefix.length).split('.');
      const group = keyOfToken(token);
      groups.set(group, (groups.get(group) ?? 0) + 1);
    }
    const { messages: entries, bytes } = state;
    return { entries, bytes, maxBytes: config.max_bytes, groups };
  }

  async #purge(filter: string): Promise<number> {
    const { purged } = await patiently(this.#link, () =>
      absentAs(NOTHING, STREAM_NOT_FOUND, this.#link.manager.streams.purge(this.#stream, { filter })),
    );
    return purged;
  }

  #subject(key: string): string {
    const cut = key.lastIndexOf('/');
    return `${this.#prefix}${keyToken(key.slice(0, cut))}.${keyToken(key.slice(cut + 1))}`;
  }

  /** Said once until it works again. */
  #failed(error: unknown): void {
    if (this.#isFailing) return;
    this.#isFailing = true;
    this.#link.log.warn({ stream: this.#stream, error: String(error) }, 'the shared cache does not work now');
  }
}
