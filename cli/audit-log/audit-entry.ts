// One line of the audit log: an action has two, one before anything is changed and one with its result. Who it was stands in
// the subject, where the server's permissions make sure of it; `as` is what the person says.
import { z } from 'zod';

const entrySchema = z.object({
  version: z.literal(1),
  /** The same for both lines of an action. */
  id: z.string(),
  phase: z.enum(['begun', 'ended']),
  /** RFC 3339, by the clock of whoever acts. */
  at: z.string(),
  as: z.string().nullable(),
  command: z.string(),
  operands: z.array(z.string()),
  options: z.record(z.string(), z.unknown()),
  /** Exit code of the command; null before its end. */
  exitCode: z.int().nullable(),
});

/** A line as it is stored. */
export type AuditEntry = z.output<typeof entrySchema>;

/** What was done. */
export interface AuditedAction {
  readonly id: string;
  /** When it began, by the clock of the server, RFC 3339. */
  readonly at: string;
  /** As the server's permissions know them: a public key, a user's name, or `anyone` on a server that knows nobody. */
  readonly who: string;
  /** Who they say that they are. */
  readonly as: string | null;
  readonly command: string;
  readonly operands: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
  /** `open`: under way, or ended without a word. */
  readonly result: 'done' | 'failed' | 'open';
  readonly exitCode: number | null;
}

export function encodeEntry(entry: AuditEntry): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(entry));
}

/** Undefined for what is no line of an audit log. */
export function decodeEntry(data: Uint8Array): AuditEntry | undefined {
  try {
    return entrySchema.parse(JSON.parse(new TextDecoder().decode(data)));
  } catch {
    // Written by another program, or a newer one.
    return undefined;
  }
}

/** A line with what the stream says of it. */
export interface StoredEntry {
  readonly entry: AuditEntry;
  readonly who: string;
  readonly storedAt: string;
}

/** Actions in the order of their beginning. A line counts for an action only if the same one wrote both. */
export function actionsOf(entries: readonly StoredEntry[]): readonly AuditedAction[] {
  const actions = new Map<string, AuditedAction>();
  for (const { entry, who, storedAt } of entries) {
    const key = `${who} ${entry.id}`;
    const { id, as, command, operands, options, exitCode } = entry;
    const begun = actions.get(key);
    const result = exitCode === null ? 'open' : exitCode === 0 ? 'done' : 'failed';
    if (begun === undefined) {
      actions.set(key, { id, at: storedAt, who, as, command, operands, options, result, exitCode });
    } else if (entry.phase === 'ended' && begun.result === 'open') {
      actions.set(key, { ...begun, result, exitCode });
    }
  }
  return [...actions.values()];
}
