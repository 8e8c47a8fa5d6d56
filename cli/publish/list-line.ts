// One line of a list as JSON: `{ "uri", "id"?, "source"?, "metadata"?, "sha256"?, "time"? }`, the intake message itself.
import { z } from 'zod';
import { problemsOfIssue } from '../config/problem-message.ts';
import type { SchemaNode } from '../config/schema.ts';
import type { PublishSource } from './publish-source.ts';

const lineSchema = z.strictObject({
  uri: z
    .string()
    .regex(/^[a-z][a-z0-9+.-]*:\/\//i, { error: 'a URI such as file:///a.jpg or https://host/a.jpg' }),
  id: z.string().min(1).optional(),
  source: z.string().min(1).optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
  sha256: z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/, { error: '64 hexadecimal digits' })
    .optional(),
  time: z.string().optional(),
});

/** Whether a line is meant as JSON. */
export function isJsonLine(line: string): boolean {
  return line.startsWith('{');
}

/** The reference that a line stands for, or what is wrong with it under the name `place`. */
export function parseListLine(line: string, place: string): PublishSource {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return {
      type: 'invalid',
      name: place,
      problem: 'expected one JSON object a line, got text that is not JSON',
    };
  }
  const parsed = lineSchema.safeParse(value);
  if (parsed.success) return { type: 'reference', reference: parsed.data };
  const fields = z.toJSONSchema(lineSchema, { io: 'input' }) as SchemaNode;
  const problem = parsed.error.issues
    .flatMap((issue) => problemsOfIssue(issue, value, fields))
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`))
    .join('; ');
  return { type: 'invalid', name: place, problem };
}
