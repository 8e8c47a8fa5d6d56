// Reads `s3://bucket/key` references from AWS or any S3-compatible endpoint. The client library is loaded when the
// first such reference comes; credentials come from the environment or a profile, as its own chain finds them.

import { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import type { Clock } from '#runtime';
import type { ContentSource, ReadOptions } from '../pipeline/dataset-ports.ts';
import { ItemFailure, PassingFailure } from '../pipeline/item-failure.ts';
import { globMatches } from '../rules/glob.ts';
import { collectBody } from './collect-body.ts';
import { FetchDeadline, type FetchTimes, timesOfTry } from './fetch-deadline.ts';
import { failureOfStatus } from './http-answer.ts';
import { failureOfNetwork } from './network-failure.ts';

export interface S3SourceOptions extends FetchTimes {
  /** Buckets as globs; none refuses everything. */
  readonly buckets: readonly string[];
  /** Default: AWS. */
  readonly endpoint?: string;
  /** Default: as the environment or the profile says. */
  readonly region?: string;
  /** `endpoint/bucket/key` instead of `bucket.endpoint/key`. */
  readonly pathStyle: boolean;
  /** Requests are not signed: for public buckets. */
  readonly anonymous: boolean;
  readonly clock: Clock;
}

/** The library wants some, also where nothing is signed. */
const NOBODY = { accessKeyId: 'anonymous', secretAccessKey: 'anonymous' } as const;
/** Becomes part of a host name, so nothing else may be in it. */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

export class S3Source implements ContentSource {
  readonly #options: S3SourceOptions;
  #client: Promise<Pick<S3Client, 'send'>> | undefined;

  constructor(options: S3SourceOptions) {
    this.#options = options;
  }

  placeOf(uri: string): string | undefined {
    const [, bucket] = /^s3:\/\/([^/]+)\//i.exec(uri) ?? [];
    const { endpoint } = this.#options;
    if (bucket === undefined) return undefined;
    return endpoint === undefined ? `s3://${bucket}` : `s3://${bucket} at ${endpoint}`;
  }

  async read(uri: string, { maxBytes, signal, admit, tries = 1 }: ReadOptions): Promise<Uint8Array> {
    const { bucket, key } = this.#admit(uri);
    using deadline = new FetchDeadline(this.#options.clock, timesOfTry(this.#options, tries), signal);
    try {
      const { GetObjectCommand } = await import('@aws-sdk/client-s3');
      this.#client ??= openClient(this.#options);
      const client = await this.#client;
      const command = new GetObjectCommand({ Bucket: bucket, Key: key });
      const { Body, ContentLength } = await client.send(command, { abortSignal: deadline.signal });
      if (!(Body instanceof Readable)) return new Uint8Array();
      const stop = () => Body.destroy(new Error('the fetch was ended'));
      deadline.signal.addEventListener('abort', stop, { once: true });
      if (deadline.signal.aborted) stop();
      return await collectBody(Body, {
        maxBytes,
        deadline,
        admit,
        ...(ContentLength !== undefined && { announced: ContentLength }),
      });
    } catch (error) {
      throw deadline.verdictOn(this.#classify(uri, error));
    }
  }

  #admit(uri: string): { readonly bucket: string; readonly key: string } {
    const [, bucket = '', key = ''] = /^s3:\/\/([^/]*)\/(.+)$/is.exec(uri) ?? [];
    if (!BUCKET.test(bucket) || key === '') {
      throw new ItemFailure('source_not_allowed', `expected s3://bucket/key, got ${uri.slice(0, 200)}`);
    }
    const { buckets } = this.#options;
    if (!buckets.some((pattern) => globMatches(pattern, bucket))) {
      const allowed = buckets.length === 0 ? 'there are none' : buckets.join(', ');
      throw new ItemFailure(
        'source_not_allowed',
        `expected one of the buckets of sources.s3.buckets (${allowed}), got ${bucket}`,
      );
    }
    return { bucket, key };
  }

  #classify(uri: string, cause: unknown): unknown {
    if (cause instanceof ItemFailure || cause instanceof PassingFailure || !(cause instanceof Error))
      return cause;
    const place = uri.slice(0, 200);
    if (cause.name === 'CredentialsProviderError') {
      const message = `${place}: no credentials were found in the environment or a profile`;
      return new ItemFailure('access_denied', message, { cause });
    }
    const { $metadata, $response, code } = cause as Partial<Refusal>;
    const status = $metadata?.httpStatusCode;
    if (status !== undefined && status !== 200) {
      const retryAfter = $response?.headers?.['retry-after'];
      return failureOfStatus(status, place, { retryAfter, wallMs: this.#options.clock.wallMs(), cause });
    }
    if (typeof code === 'string') return failureOfNetwork(code, place, cause);
    if (cause.name !== 'TimeoutError') return cause;
    return new PassingFailure('fetch_failed', `${place} could not be fetched (${cause.name})`, {
      cause,
      failureClass: 'timeout',
      ofSource: true,
    });
  }
}

/** The parts of the library's errors that are looked at. */
interface Refusal {
  readonly $metadata: { readonly httpStatusCode?: number };
  readonly $response: { readonly headers?: Readonly<Record<string, string>> };
  readonly code: unknown;
}

async function openClient(options: S3SourceOptions): Promise<S3Client> {
  const { S3Client } = await import('@aws-sdk/client-s3');
  const { endpoint, region, pathStyle, anonymous } = options;
  return new S3Client({
    ...(endpoint !== undefined && { endpoint }),
    // An endpoint of one's own needs some region to sign for; AWS's own is left to the environment.
    ...(region !== undefined ? { region } : endpoint !== undefined && { region: 'us-east-1' }),
    ...(anonymous && { credentials: NOBODY, signer: { sign: (request) => Promise.resolve(request) } }),
    forcePathStyle: pathStyle,
    followRegionRedirects: endpoint === undefined,
    // Attempts are counted by the stage that reads.
    maxAttempts: 1,
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
}
