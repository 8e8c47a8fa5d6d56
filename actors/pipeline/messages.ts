// The messages between stages. They travel through durable queues, so they are parsed by these schemas at the
// receiving edge and trusted after. Byte-valued fields are Uint8Array.
import { z } from 'zod';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'expected bytes');
const signal = z.union([z.number(), z.string(), z.boolean()]);

export const factsSchema = z.object({
  content: sha256,
  mediaType: z.string(),
  byteLength: z.number(),
  hashes: z.record(z.string(), z.string()),
  lowInformation: z.boolean(),
  signals: z.record(z.string(), signal),
});

const edgeSchema = z.object({
  a: sha256,
  b: sha256,
  hashes: z.record(z.string(), z.number()),
  distance: z.number(),
  turned: z.object({ variant: z.string(), distance: z.number() }).optional(),
  algorithm: z.string(),
  similarity: z.number().nullable(),
  against: z.string().optional(),
});

/** What an item is called and where it came from; it never changes after the ingestor. */
const originSchema = z.object({
  /** Sequence in the intake stream: the item's name for G1. */
  sequence: z.number().int().positive(),
  /** Digest of the item's five properties. */
  item: sha256,
  id: z.string(),
  source: z.string(),
  /** Declared time, RFC 3339 in UTC, or null. */
  time: z.string().nullable(),
  /** What the publisher gave beside it, for the rules. It is never journaled. */
  metadata: z.record(z.string(), z.unknown()),
});

export const embedMessageSchema = originSchema.extend({
  facts: factsSchema,
  /**
   * What is embedded; null: the copy stored under `blobKeys.modelProxy`. At 150 KB a hop that carries it costs as much
   * as reading it back (0.6 ms each, measured), but is paid for known contents too, and would fill the queue.
   */
  proxy: bytes.nullable(),
  /**
   * Whether the content was not known before, so that it has no vector: the embedder need not ask for one. Where that is
   * no longer so, as when the message comes again, the content is embedded twice and the vector that was first stays.
   */
  fresh: z.boolean().default(false),
});
export const dedupMessageSchema = originSchema.extend({
  facts: factsSchema,
  /** Key of the vector in the vectors store. */
  vector: z.string(),
});
/** Generation of the index in which a content was claimed. */
const generation = z.number().int().positive().default(1);
export const scoreMessageSchema = dedupMessageSchema.extend({ generation, edges: z.array(edgeSchema) });

/** A content of the ledger that is to be compared anew. */
export const replayMessageSchema = z.object({
  /** Of the entry that leads it: names the work, as it did when the item came. */
  sequence: z.number().int().positive(),
  item: sha256,
  generation: z.number().int().positive(),
  facts: factsSchema,
});
export type ReplayMessage = z.infer<typeof replayMessageSchema>;

/** The stage after the ingestor: proxies in, vectors out. */
export type EmbedMessage = z.infer<typeof embedMessageSchema>;
export type DedupMessage = z.infer<typeof dedupMessageSchema>;
export type ScoreMessage = z.infer<typeof scoreMessageSchema>;

const judgementSchema = z.object({
  verdict: z.enum(['eligible', 'rejected', 'review']),
  /** 0 to 1, or null when refused before its content was read. */
  score: z.number().nullable(),
  /** Stable codes, sorted. */
  reasons: z.array(z.string()),
  contributions: z.record(z.string(), z.number()),
  /** Keep-best criteria in lexicographic order, larger is better; see `keep-best.ts`. */
  rank: z.array(z.number()),
});

/** What the rules of one configuration say of one item. */
export type Judgement = z.infer<typeof judgementSchema>;

const judgedSchema = originSchema.omit({ source: true, metadata: true }).extend({
  type: z.literal('judged'),
  /** Null when governance refused the item before its content was known. */
  facts: factsSchema.nullable(),
  vector: z.string().nullable(),
  judgement: judgementSchema,
  /** Digest of the deciding configuration under which it was judged. */
  config: sha256,
  /** Versions of what decided, by name. */
  versions: z.record(z.string(), z.string()),
  generation,
  edges: z.array(edgeSchema),
});

const deadSchema = z.object({
  type: z.literal('dead'),
  sequence: z.number().int().positive(),
  id: z.string().nullable(),
  stage: z.string(),
  /** Stable reason code (docs/errors.md). */
  reason: z.string(),
  attempts: z.number().int(),
});

const comparedSchema = z.object({
  type: z.literal('compared'),
  generation: z.number().int().positive(),
  content: sha256,
  edges: z.array(edgeSchema),
  /** Why it could not be compared; null where it was. */
  failure: z.string().nullable(),
});

export const keepMessageSchema = z.discriminatedUnion('type', [judgedSchema, deadSchema, comparedSchema]);

/** What reaches the manifest keeper: a judged item, a dead one, or a content that was compared anew. */
export type KeepMessage = z.infer<typeof keepMessageSchema>;
export type ComparedMessage = z.infer<typeof comparedSchema>;
export type JudgedMessage = z.infer<typeof judgedSchema>;
export type DeadMessage = z.infer<typeof deadSchema>;
/** How one sequence ended. */
export type VerdictMessage = JudgedMessage | DeadMessage;

/** What a publisher gave, kept in an erasable record; journals name it by the item's digest only. */
export const payloadSchema = z.object({
  id: z.string(),
  source: z.string(),
  time: z.string().nullable(),
  metadata: z.record(z.string(), z.unknown()),
  content: sha256.nullable(),
  mediaType: z.string().nullable(),
  /** Where the original is: `file://…`, `obj://…`, or `blob:` followed by the content's digest. */
  location: z.string(),
});
export type Payload = z.infer<typeof payloadSchema>;

/** Object keys in the dataset's blobs bucket. */
export const blobKeys = {
  content: (content: string) => `content/${content}`,
  proxy: (content: string) => `proxy/${content}`,
  /** `specification` is `ModelIdentity.proxy.digest`. */
  modelProxy: (specification: string, content: string) => `model-proxy/${specification}/${content}`,
  payload: (item: string) => `payload/${item}`,
} as const;
