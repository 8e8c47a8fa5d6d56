// The sources of content of a node, by scheme, as its configuration allows them.
import {
  AddressPolicy,
  type ContentSource,
  FileSource,
  GuardedSource,
  HttpSource,
  ItemFailure,
  PassingFailure,
  S3Source,
  SchemeSource,
  type SourceGuard,
} from '#actors';
import {
  CodecError,
  type NatsLink,
  NatsUploads,
  ObjectDamaged,
  type SystemNames,
  UploadNotFound,
  UploadTooLarge,
} from '#nats';
import type { Clock } from '#runtime';
import type { LoadedConfig } from '../config/index.ts';

export interface SourceConnections {
  readonly config: LoadedConfig;
  readonly link: NatsLink;
  readonly names: SystemNames;
  readonly clock: Clock;
  readonly guard: SourceGuard;
}

/** Reads references by `file`, `obj`, `http`, `https` and `s3`; what is not configured is refused with the reason. */
export function connectSources({ config, link, names, clock, guard }: SourceConnections): ContentSource {
  const { http, s3 } = config.config.sources;
  const { hosts, maxRedirects, timeoutMs, stallMs } = http;
  const addresses = new AddressPolicy(http.allowAddresses);
  const web = new HttpSource({ hosts, addresses, maxRedirects, timeoutMs, stallMs, clock, guard });
  const { endpoint, region, ...bucketSettings } = s3;
  const buckets = new S3Source({
    ...bucketSettings,
    ...(endpoint !== undefined && { endpoint }),
    ...(region !== undefined && { region }),
    clock,
  });
  return new SchemeSource({
    file: new GuardedSource(new FileSource(config.fileRoots), guard),
    obj: uploadSource(link, names),
    http: web,
    https: web,
    s3: new GuardedSource(buckets, guard),
  });
}

/** `obj://` references name bodies in this system's own uploads bucket. */
export function uploadSource(link: NatsLink, names: SystemNames): ContentSource {
  const uploads = new NatsUploads(link, names.objects.uploads);
  return {
    async read(uri, { maxBytes, admit }) {
      try {
        return await uploads.read(uri, maxBytes, admit);
      } catch (cause) {
        if (cause instanceof UploadNotFound) throw new ItemFailure('not_found', cause.message, { cause });
        if (cause instanceof UploadTooLarge) throw new ItemFailure('too_large', cause.message, { cause });
        // Any publisher may write to the bucket; an upload that is being replaced looks the same for a moment.
        if (cause instanceof ObjectDamaged || cause instanceof CodecError) {
          throw new PassingFailure('fetch_failed', cause.message, { cause });
        }
        throw cause;
      }
    },
  };
}
