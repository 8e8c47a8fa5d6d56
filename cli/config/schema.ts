// The schema of `troupe.yaml`: one strict zod schema from which validation, the JSON schema, the commented example
// and docs/config.md all come. Each field says what it means and why its default is what it is.

import { z } from 'zod';
import { byteSize, datasetConfigSchema, modelConfigSchema, ROLES, TROUPE_TINY } from '#actors';
import { CODEC_VERSIONS } from '#nats';
import { breakerFields, checkOpenTimes } from './breaker.ts';
import { embeddingSchema } from './embedding.ts';
import { modelReference, plainModelName } from './model-reference.ts';
import { sourcesSchema } from './sources.ts';

/** Names of datasets: one subject token, usable in stream, bucket and file names. */
export const DATASET_NAME = /^[a-z0-9][a-z0-9-]{0,31}$/;

const datasetName = z.string().regex(DATASET_NAME, {
  error: 'a name of 1 to 32 characters from a-z, 0-9 and -, not starting with -',
});

const modelName = z
  .string()
  .regex(DATASET_NAME, { error: 'a name of 1 to 32 characters from a-z, 0-9 and -, not starting with -' })
  .refine((name) => name !== TROUPE_TINY.name, {
    error: `another name than ${TROUPE_TINY.name}, which ships with the package`,
  });

const modelBreakerSchema = z
  .strictObject(breakerFields({ failures: 3, minOpenMs: 10_000, maxOpenMs: 300_000 }))
  .superRefine(checkOpenTimes);

const httpSchema = z.strictObject({
  host: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe(
      'Address to listen on. Whoever reaches it can read metrics and health, and nothing else; there is no password, so give another address only in a network of your own.',
    ),
  port: z
    .int()
    .min(0)
    .max(65_535)
    .optional()
    .describe(
      'Port to listen on; 0 takes any free one, which `troupe up` prints. Without it nothing listens and nothing is measured for it. 9464 is customary.',
    ),
});

/** The settings of one node; `troupe up` takes some of them as options, too. */
export const nodeSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/i, { error: 'a name of 1 to 63 letters, digits, - and _' })
    .optional()
    .describe(
      'Name of this node in status, events and records. Without one it is the host name and a suffix: of the data folder on the embedded server, so that a node which was killed finds its shards again at once, and a random one on a named server, so that two nodes on one host never clash.',
    ),
  weight: z
    .number()
    .min(0.01)
    .max(1000)
    .default(1)
    .describe("This node's part of the shards, relative to the weights of other nodes."),
  leaseMs: z
    .int()
    .min(1_000)
    .max(600_000)
    .optional()
    .describe(
      'Time in ms without a renewal after which others take the shards of this node. It renews three times in it, and stops itself when it finds that it could not: it was frozen, blocked or cut off. A shorter one fails over sooner, a longer one forgives longer pauses. Without it: 10,000, and 20,000 where the system has three replicas, since a NATS cluster takes up to ten seconds to elect a leader and no lease is renewed meanwhile.',
    ),
  roles: z
    .array(z.enum(ROLES, { error: `one of ${ROLES.join(', ')}` }))
    .nonempty({ error: 'at least one role' })
    .default([...ROLES])
    .describe(
      'Parts of the system that this node runs: `ingest` fetches, decodes and hashes, `embed` runs the model, `dedup` claims contents, `score` judges, `shards` owns index shards and keepers. A system needs each of them on some node; `troupe status` names what is missing.',
    ),
  drainMs: z
    .int()
    .min(0)
    .max(3_600_000)
    .default(20_000)
    .describe(
      'Longest time in ms that a node which is told to stop (Ctrl-C, SIGTERM) takes to give back what it has in hand and to hand over its shards. What is left then is taken by other nodes at once, as this one says that it has left. Give whoever ends the process a few seconds more.',
    ),
  maxMessageVersion: z
    .int()
    .min(CODEC_VERSIONS.lowest)
    .max(CODEC_VERSIONS.highest)
    .default(CODEC_VERSIONS.highest)
    .describe(
      'Newest version of the message format that this node takes part in. All nodes write the newest that each of them reads, and there is no way back once one was written: set an older one during an upgrade that you may want to undo.',
    ),
  ingestConcurrency: z
    .int()
    .min(1)
    .max(1024)
    .default(8)
    .describe(
      'Items fetched at the same time. Fetching waits for disks and networks, so this may exceed the number of cores.',
    ),
  decodeThreads: z
    .union([z.literal('auto'), z.int().min(1).max(256)], { error: '`auto` or a whole number from 1 to 256' })
    .default('auto')
    .describe(
      'Worker threads that decode and hash. `auto` is one for each core that the process may use but one, at least one: the event loop keeps a core for acknowledgements and leases.',
    ),
  decodeTimeoutMs: z
    .int()
    .min(100)
    .max(3_600_000)
    .default(20_000)
    .describe(
      'Longest time in ms that decoding one item may take. After it the worker thread is ended and the attempt counts; the next ones, alone, have twice the time.',
    ),
  embedTimeoutMs: z
    .int()
    .min(100)
    .max(3_600_000)
    .default(60_000)
    .describe(
      'Longest time in ms that one run of an embedding model may take. After it the session is ended and started anew.',
    ),
  embedding: embeddingSchema
    .prefault({})
    .describe('Vectors for others: this node answers requests of any NATS client (docs/embedding.md).'),
  modelBreaker: modelBreakerSchema
    .prefault({})
    .describe(
      'When the session of an embedding model that fails is left alone. Nothing more is embedded then; what is in hand waits, without an attempt, until a probe succeeds. Each failure may cost a restart of the session, so few are enough, and the times leave its supervisor its restarts.',
    ),
  http: httpSchema
    .prefault({})
    .describe(
      'Where `/metrics` (for Prometheus), `/health/live`, `/health/ready` and `/health` answer. docs/observability.md explains them.',
    ),
  bodyBudget: byteSize({ min: 2 ** 20, max: 2 ** 36 })
    .prefault('32MiB')
    .describe(
      'Bytes of contents that all ingestors of the node hold at once; others wait in line and lose no attempt. Without it each of `ingestConcurrency` could hold one of `limits.maxBytes`. The default is one of the largest, or eight of 4 MB. A content larger than the whole budget goes alone.',
    ),
  decodeBudget: byteSize({ min: 2 ** 20, max: 2 ** 40 })
    .prefault('512MiB')
    .describe(
      'Bytes that large pictures take at once while they are decoded, on all threads of the node: four a pixel, counted for pictures of more than 4 MiB pixels (16 MiB decoded). The default is one of `limits.maxPixels`, or ten of 12 megapixels. A picture larger than the whole budget goes alone.',
    ),
});

const streamLimit = (meaning: string) =>
  byteSize({ min: 2 ** 20, max: 2 ** 44 })
    .optional()
    .describe(`${meaning} A stream that has another limit gets this one; without it it keeps its own.`);

const limitsSchema = z.strictObject({
  intake: streamLimit(
    'Items that were published and are not taken on yet; publishers wait beyond it. 2 GiB for a new dataset.',
  ),
  work: streamLimit(
    'Items between two stages, for each stage; the stage before it waits beyond it. 128 MiB for a new dataset.',
  ),
  journal: streamLimit(
    'What the ledger and the index shards record; intake pauses when it is 80 % full. 1 GiB for a new dataset.',
  ),
  dead: streamLimit(
    'Dead letters with their original bytes; a stage that has one to add waits beyond it. 512 MiB for a new dataset.',
  ),
  outcome: streamLimit('Outcomes for whoever subscribes; the oldest go first. 256 MiB for a new dataset.'),
  events: streamLimit('Supervision events of the system; the oldest go first. 256 MiB for a new system.'),
  cache: streamLimit(
    'Vectors that nodes share, whatever the dataset; the oldest go first, and are made again when they are asked for. 256 MiB for a new system; where the server has no room for it, nodes go without.',
  ),
});

const storageSchema = z.strictObject({
  provision: z
    .boolean()
    .default(true)
    .describe(
      '`false` where others manage the streams: nodes and commands then look at them only, and refuse to start when one is missing or not as it has to be. `troupe config streams` prints what has to be there. Consumers are made all the same.',
    ),
  replicas: z
    .union([z.literal(1), z.literal(3)], { error: '1 or 3' })
    .optional()
    .describe(
      'Copies of every stream and bucket, each on another server: 3 survives the loss of any one server, also its disk, and needs a NATS cluster of three or more. A system that has fewer gets them; copies are never taken away by themselves. Without it a system keeps what it has, and a new one has 1.',
    ),
  encryptionKeyFile: z
    .string()
    .min(1)
    .optional()
    .describe(
      "File with the key under which the embedded server encrypts its store (JetStream's own encryption, AES-GCM). Only its owner may read it; keep it elsewhere than `dataDir`, and a copy of it: nothing opens the store without it. A store that is not encrypted yet is at the next start. Relative to the configuration file. A server of your own has its own option for it.",
    ),
  limits: limitsSchema
    .prefault({})
    .describe(
      'Most bytes of each stream of a dataset. The NATS server reserves them, so that those of all datasets, about 4.5 GiB each unless they are given, must fit into its JetStream storage.',
    ),
});

const filesSchema = z.strictObject({
  roots: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Folders from which `file://` URIs may be read, absolute or relative to the configuration file. Empty refuses all of them: whoever may publish could else read any file of the node.',
    ),
});

const fieldsSchema = z.strictObject({
  version: z.literal(1).default(1).describe('Version of this format.'),
  system: z
    .string()
    .regex(/^[a-z][a-z0-9]{0,15}$/, {
      error: 'a name of 1 to 16 characters from a-z and 0-9, starting with a letter',
    })
    .default('troupe')
    .describe(
      'Prefix of every subject, stream and bucket. Several systems share one server under different names.',
    ),
  dataDir: z
    .string()
    .min(1)
    .default('.troupe')
    .describe(
      "Folder of the laptop system: the embedded server's storage, its address and credentials. Relative to the configuration file.",
    ),
  durability: z
    .enum(['default', 'disk'])
    .default('default')
    .describe(
      '`default` survives every crash of processes; `disk` also survives a loss of power by forcing every write to disk, at about a tenth of the speed. It applies to the embedded server.',
    ),
  node: nodeSchema.prefault({}).describe('This process.'),
  storage: storageSchema.prefault({}).describe('How the NATS servers keep the system.'),
  files: filesSchema.prefault({}).describe('Access to files of the node.'),
  sources: sourcesSchema
    .prefault({})
    .describe('Content that is fetched from elsewhere, and how fast. Nothing is, unless it is named here.'),
  models: z
    .record(modelName, modelConfigSchema)
    .prefault({})
    .describe(
      'Embedding models by name, for the `model` of datasets. docs/models.md has entries for well-known ones.',
    ),
  datasets: z
    .record(datasetName, datasetConfigSchema)
    .prefault({ photos: {} })
    .describe(
      'The datasets by name. Without this field they are those that the system has recorded; a new one has one dataset of images, `photos`.',
    ),
});

/** The strict schema of `troupe.yaml`; every field has a default. */
export const configSchema = fieldsSchema.superRefine(({ node, models, datasets }, context) => {
  const known = [TROUPE_TINY.name, ...Object.keys(models)];
  const isKnown = (model: string) => known.includes(model) || modelReference(model) !== undefined;
  const message = `one of ${known.join(', ')}, or NAME@RANGE for one that was added to the system`;
  const served = node.embedding.serve.map(plainModelName);
  for (const [at, model] of node.embedding.serve.entries()) {
    const path = ['node', 'embedding', 'serve', at];
    if (!isKnown(model)) context.addIssue({ code: 'custom', message, path });
    const first = served.indexOf(plainModelName(model));
    if (node.embedding.serve[first] === model) continue;
    const twice = `one version of ${plainModelName(model)}, as they share a subject`;
    context.addIssue({ code: 'custom', message: twice, path });
  }
  for (const [dataset, { model }] of Object.entries(datasets)) {
    if (isKnown(model)) continue;
    context.addIssue({ code: 'custom', message, path: ['datasets', dataset, 'model'] });
  }
});

/** The whole configuration with every default filled in and sizes in bytes. */
export type Config = z.output<typeof configSchema>;

/** The parts of JSON schema (draft 2020-12) that zod emits for this configuration. */
export interface SchemaNode {
  readonly type?: string | readonly string[];
  readonly description?: string;
  /** The type in words, where JSON schema has none for it. */
  readonly title?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly SchemaNode[];
  readonly items?: SchemaNode;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: boolean | SchemaNode;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** JSON schema (draft 2020-12) of `troupe.yaml` as it is written, for editors and `config schema`. */
export function configSchemaJson(): SchemaNode {
  return z.toJSONSchema(configSchema, { io: 'input' }) as SchemaNode;
}
