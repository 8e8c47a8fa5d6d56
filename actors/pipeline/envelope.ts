// Reads an intake message (DESIGN section 5): raw bytes with a Content-Type, or a JSON reference. Headers and
// JSON come from strangers, so every property is bounded and checked here, once, and trusted after.
import { z } from 'zod';
import { canonicalJson, sha256Hex } from './canonical.ts';
import { ItemFailure } from './item-failure.ts';

/** An intake message, understood. */
export interface Envelope {
  /** As the publisher gave it; undefined means: the content's sha256. */
  readonly id: string | undefined;
  readonly source: string;
  readonly time: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly metadataDigest: string;
  readonly body:
    | { readonly type: 'inline'; readonly bytes: Uint8Array }
    | { readonly type: 'reference'; readonly uri: string };
  /** sha256 that the publisher declared, if any. */
  readonly declaredSha256: string | undefined;
}

/** The parts of a message which this reader needs. */
export interface IntakeMessage {
  readonly data: Uint8Array;
  header(name: string): string | undefined;
}

export interface EnvelopeLimits {
  readonly maxMetadataBytes: number;
  readonly maxJsonDepth: number;
}

const MAX_ID_LENGTH = 1024;
const MAX_URI_LENGTH = 8192;
/** A JSON reference is small; anything longer is refused before it is parsed. */
const MAX_REFERENCE_OVERHEAD = 64 * 1024;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this refuses.
const CONTROL = /[\u0000-\u001f\u007f-\u009f\ud800-\udfff]/u;

const label = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .refine((text) => !CONTROL.test(text), 'control characters are not allowed');

const referenceSchema = z.strictObject({
  uri: z.string().min(1).max(MAX_URI_LENGTH),
  id: label(MAX_ID_LENGTH).optional(),
  source: label(MAX_ID_LENGTH).optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
  sha256: z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/)
    .optional(),
  time: z.string().max(64).optional(),
});

/**
 * Reads one intake message.
 * @throws ItemFailure `bad_envelope`, `bad_header` or `too_large`, with what was expected and what came.
 */
export function readEnvelope(message: IntakeMessage, limits: EnvelopeLimits): Envelope {
  const headerId = readLabel(message, 'Troupe-Id');
  const headerSource = readLabel(message, 'Troupe-Source');
  const headerTime = message.header('Troupe-Time');
  if (!isReference(message)) {
    return {
      id: headerId,
      source: headerSource ?? 'default',
      time: headerTime === undefined ? null : readTime(headerTime, 'bad_header', 'Troupe-Time'),
      metadata: {},
      metadataDigest: sha256Hex(canonicalJson({})),
      body: { type: 'inline', bytes: message.data },
      declaredSha256: message.header('Troupe-Sha256')?.toLowerCase(),
    };
  }
  const reference = readReference(message.data, limits);
  const time = reference.time ?? headerTime;
  const metadata = reference.metadata ?? {};
  return {
    id: headerId ?? reference.id,
    source: headerSource ?? reference.source ?? 'default',
    time: time === undefined ? null : readTime(time, 'bad_envelope', 'time'),
    metadata,
    metadataDigest: sha256Hex(canonicalJson(metadata)),
    body: { type: 'reference', uri: reference.uri },
    declaredSha256: reference.sha256?.toLowerCase(),
  };
}

/** JSON is announced by its Content-Type, or, where none is given, by a leading brace. */
function isReference(message: IntakeMessage): boolean {
  const type = message.header('Content-Type')?.split(';')[0]?.trim().toLowerCase();
  if (type !== undefined) return type === 'application/json';
  return message.data[0] === 0x7b;
}

function readReference(data: Uint8Array, limits: EnvelopeLimits): z.infer<typeof referenceSchema> {
  const maxBytes = limits.maxMetadataBytes + MAX_REFERENCE_OVERHEAD;
  if (data.byteLength > maxBytes) {
    throw new ItemFailure(
      'bad_envelope',
      `expected JSON of at most ${maxBytes} bytes, got ${data.byteLength}`,
    );
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(data);
  } catch (cause) {
    throw new ItemFailure('bad_envelope', 'expected JSON in UTF-8, got bytes that are not UTF-8', { cause });
  }
  const depth = jsonDepth(text);
  if (depth > limits.maxJsonDepth) {
    throw new ItemFailure(
      'bad_envelope',
      `expected at most ${limits.maxJsonDepth} levels of JSON, got ${depth}`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ItemFailure('bad_envelope', 'expected JSON { "uri", … }, got text that is not JSON', { cause });
  }
  const parsed = referenceSchema.safeParse(value);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      (issue) => `${issue.path.join('.') || 'message'}: ${issue.message}`,
    );
    throw new ItemFailure('bad_envelope', problems.join('; '), { cause: parsed.error });
  }
  const metadataBytes = Buffer.byteLength(JSON.stringify(parsed.data.metadata ?? {}));
  if (metadataBytes > limits.maxMetadataBytes) {
    throw new ItemFailure(
      'too_large',
      `expected metadata of at most ${limits.maxMetadataBytes} bytes, got ${metadataBytes}`,
    );
  }
  return parsed.data;
}

/** Nesting depth by a scan over the text, so that the parser never sees a hostile depth. */
function jsonDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (inString) {
      if (char === 0x5c) at++;
      else if (char === 0x22) inString = false;
    } else if (char === 0x22) inString = true;
    else if (char === 0x7b || char === 0x5b) deepest = Math.max(deepest, ++depth);
    else if (char === 0x7d || char === 0x5d) depth--;
  }
  return deepest;
}

function readLabel(message: IntakeMessage, name: string): string | undefined {
  const value = message.header(name);
  if (value === undefined || value === '') return undefined;
  if (value.length > MAX_ID_LENGTH) {
    throw new ItemFailure(
      'bad_header',
      `${name}: expected at most ${MAX_ID_LENGTH} characters, got ${value.length}`,
    );
  }
  if (CONTROL.test(value)) throw new ItemFailure('bad_header', `${name}: control characters are not allowed`);
  return value;
}

function readTime(value: string, code: 'bad_header' | 'bad_envelope', name: string): string {
  const ms = parseTime(value);
  if (ms === undefined) {
    throw new ItemFailure(
      code,
      `${name}: expected an RFC 3339 time such as 2026-01-31T12:00:00Z, got ${JSON.stringify(value.slice(0, 40))}`,
    );
  }
  return new Date(ms).toISOString();
}

const RFC_3339 = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/;

/** Ms since 1970. The offset is required: without one a time would mean another on each node's own clock. */
function parseTime(value: string): number | undefined {
  const [, date] = RFC_3339.exec(value) ?? [];
  const ms = Date.parse(value);
  if (date === undefined || Number.isNaN(ms)) return undefined;
  // A day that does not exist rolls over instead of failing.
  const day = new Date(`${date}T00:00:00Z`);
  return Number.isNaN(day.getTime()) || !day.toISOString().startsWith(date) ? undefined : ms;
}
