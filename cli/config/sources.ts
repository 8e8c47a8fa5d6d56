// Where content may be fetched from when a message only refers to it. Everything is refused unless it is named here:
// whoever may publish could else have a node read what only the node can reach.
import { z } from 'zod';
import { isNetwork } from '#actors';
import { breakerFields, checkOpenTimes } from './breaker.ts';

const globs = () => z.array(z.string().min(1).max(255)).default([]);
const duration = () => z.int().min(100).max(3_600_000);

const httpSchema = z.strictObject({
  hosts: globs().describe(
    'Hosts from which `http://` and `https://` URLs are fetched, as globs: `images.example.org`, `*.example.org`, `*`; with `:8080` at the end for one port only. Empty refuses all of them. Each host that a redirect leads to must be among them too.',
  ),
  allowAddresses: z
    .array(z.string().refine(isNetwork, { error: 'an address or a network such as 10.1.0.0/16 or fd00::/8' }))
    .default([])
    .describe(
      'Addresses and networks (`10.1.0.0/16`) that may be fetched from although they are not public. All other loopback, private, link-local and special addresses are refused, whatever name led there, so that no published URL reaches the inside of your network.',
    ),
  maxRedirects: z
    .int()
    .min(0)
    .max(20)
    .default(5)
    .describe('Redirects that are followed for one item; each is checked like the first URL.'),
  timeoutMs: duration()
    .default(60_000)
    .describe('Longest time in ms for one fetch, from the first connection to the last byte.'),
  stallMs: duration()
    .default(10_000)
    .describe(
      'Longest time in ms without a byte. A server that stalls would else hold its place for the whole `timeoutMs`.',
    ),
});

const s3Schema = z.strictObject({
  buckets: globs().describe(
    'Buckets from which `s3://bucket/key` URIs are fetched, as globs. Empty refuses all of them. Credentials come from the environment (`AWS_…`) or a profile, never from this file.',
  ),
  endpoint: z
    .url({ protocol: /^https?$/, error: 'an http or https URL' })
    .optional()
    .describe('Endpoint of an S3-compatible store. Without one it is AWS.'),
  region: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .describe('Region of the buckets. Without one, as the environment or the profile says.'),
  pathStyle: z
    .boolean()
    .default(false)
    .describe(
      'Whether the bucket stands in the path (`endpoint/bucket/key`) instead of in the host name, as most S3-compatible stores want it.',
    ),
  anonymous: z
    .boolean()
    .default(false)
    .describe('Whether requests go unsigned, which public buckets allow and need no credentials for.'),
  timeoutMs: duration().default(60_000).describe('Longest time in ms for one fetch.'),
  stallMs: duration().default(10_000).describe('Longest time in ms without a byte.'),
});

const rateSchema = z.strictObject({
  source: z
    .string()
    .min(1)
    .max(1024)
    .describe('Source of the items, as a glob; the first that matches counts.'),
  perSecond: z.number().positive().max(1_000_000).describe('References fetched in a second, on average.'),
  burst: z.int().min(1).max(1_000_000).default(1).describe('How many may be fetched at once after a pause.'),
});

const sourceBreakerSchema = z
  .strictObject({
    ...breakerFields({ failures: 5, minOpenMs: 1_000, maxOpenMs: 60_000 }),
    failureRate: z
      .number()
      .positive()
      .max(1)
      .default(0.5)
      .describe(
        'Share of failed fetches in `windowMs` from which it is left alone, too: a host that answers every other request with 500 is not well. 1 looks at failures in a row alone.',
      ),
    minCalls: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(20)
      .describe('Fetches in `windowMs` before their share says anything.'),
    windowMs: z
      .int()
      .min(100)
      .max(86_400_000)
      .default(60_000)
      .describe('Length in ms of the window that the share is taken over.'),
    giveUpAfterMs: z
      .int()
      .min(0)
      .max(2_592_000_000)
      .default(3_600_000)
      .describe(
        'Longest time in ms that an item waits for a place that does not come back, then it is dead with the last reason. An hour outlasts a restart or a failover; what waited longer can be published again by `dead retry`. It is counted by each node while it runs.',
      ),
  })
  .superRefine(checkOpenTimes);

export const sourcesSchema = z.strictObject({
  http: httpSchema.prefault({}).describe('Content behind `http://` and `https://` URLs.'),
  s3: s3Schema.prefault({}).describe('Content in S3 buckets.'),
  breaker: sourceBreakerSchema
    .prefault({})
    .describe(
      'When a place that fails (a host and port, a bucket, a folder of `files.roots`) is left alone. Its items wait in a queue of their own, without an attempt, and hold nothing else back; what an item alone is to blame for never counts.',
    ),
  rates: z
    .array(rateSchema)
    .default([])
    .describe(
      'How fast references are fetched, by source: a list of `{ source, perSecond, burst }`. A rate only delays, for each matching source by itself and on each node: items over it wait in a queue of their own and hold nothing else back.',
    ),
});
