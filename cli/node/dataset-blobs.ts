// Where the blobs of a dataset lie: contents of any size as objects, everything else, which is small, as entries.
import { blobKeys } from '#actors';
import { NatsBlobs, NatsEntries, type NatsLink, type SystemNames } from '#nats';
import type { BlobStore } from '#runtime';

/** The contents, proxies and payloads of a dataset under the keys of `blobKeys`. */
export function datasetBlobs(link: NatsLink, names: SystemNames, dataset: string): BlobStore {
  const contents = new NatsBlobs(link, names.objects.blobs(dataset));
  const details = new NatsEntries(link, names.records.details(dataset));
  const storeOf = (key: string) => (key.startsWith(blobKeys.content('')) ? contents : details);
  return {
    put: (key, bytes) => storeOf(key).put(key, bytes),
    get: (key) => storeOf(key).get(key),
    has: (key) => storeOf(key).has(key),
    delete: (key) => storeOf(key).delete(key),
  };
}
