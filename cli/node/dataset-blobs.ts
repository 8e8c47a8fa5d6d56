// Where the blobs of a dataset lie: contents too large for one message as objects, everything else as entries. What a key
// names by its digest is stored once and never replaced.
import { blobKeys } from '#actors';
import { NatsBlobs, NatsEntries, type NatsLink, type SystemNames } from '#nats';
import type { BlobStore, NotedBlobStore } from '#runtime';

/** Contents up to this size are one message each, which every server takes (`max_payload` is 1 MiB by default). */
const ENTRY_BYTES = 512 * 1024;

/** The contents, proxies and payloads of a dataset under the keys of `blobKeys`. */
export function datasetBlobs(link: NatsLink, names: SystemNames, dataset: string): NotedBlobStore {
  const objects = new NatsBlobs(link, names.objects.blobs(dataset));
  const entries = new NatsEntries(link, names.records.details(dataset));
  const isContent = (key: string) => key.startsWith(blobKeys.content(''));
  return {
    put: (key, bytes, note) => {
      if (!isContent(key)) return entries.put(key, bytes, note);
      return bytes.length > ENTRY_BYTES ? objects.put(key, bytes) : entries.putNamed(key, bytes);
    },
    get: async (key) => (await entries.get(key)) ?? (isContent(key) ? objects.get(key) : undefined),
    getNoted: (key) => entries.getNoted(key),
    has: async (key) => (await entries.has(key)) || (isContent(key) && objects.has(key)),
    delete: async (key) => {
      await entries.delete(key);
      if (isContent(key)) await objects.delete(key);
    },
  };
}

/** The vectors of a dataset: of two that were made of one content, the first stays. */
export function datasetVectors(link: NatsLink, names: SystemNames, dataset: string): BlobStore {
  const entries = new NatsEntries(link, names.records.vectors(dataset));
  return {
    put: (key, bytes) => entries.putNamed(key, bytes),
    get: (key) => entries.get(key),
    has: (key) => entries.has(key),
    delete: (key) => entries.delete(key),
  };
}
