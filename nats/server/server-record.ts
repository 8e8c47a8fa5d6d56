// The note that a running nats-server leaves in its data folder: where it listens, with which token, which
// processes serve and own it. The commands in other shells find the server by it; only its owner can read it.
import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import type { DataFolder } from './data-folder.ts';
import { processIdSchema } from './process-table.ts';

const recordSchema = z.object({
  /** `starting` is written before the process exists; a start that failed leaves it behind. */
  state: z.enum(['starting', 'running', 'stopped']),
  /** The server's process; 0 unless running. */
  pid: z.int().nonnegative(),
  /** For clients: `nats://127.0.0.1:<port>`. */
  url: z.string(),
  token: z.string().min(1),
  /** HTTP monitoring: `http://127.0.0.1:<port>`. */
  monitorUrl: z.string(),
  version: z.string(),
  /** ISO 8601, UTC. */
  startedAt: z.string(),
  binary: z.string(),
  /** Which step of the search found the program. */
  origin: z.string(),
  durability: z.enum(['process', 'disk']),
  /** Tells the key of an encrypted store from others; absent where it is not encrypted. */
  storeKeyId: z.string().optional(),
  /** The process that restarts and stops the server, and which of its `EmbeddedServer`s. */
  owner: processIdSchema.extend({ instance: z.string() }),
});

/** What `server.json` holds. After a stop it keeps port and token, so that both stay the same next time. */
export type ServerRecord = z.infer<typeof recordSchema>;

/** Who restarts and stops a server. */
export type ServerOwner = ServerRecord['owner'];

/** The record of a data folder; `undefined` when there is none that can be read. */
export async function readServerRecord(folder: DataFolder): Promise<ServerRecord | undefined> {
  try {
    return recordSchema.parse(JSON.parse(await readFile(folder.record, 'utf8')));
  } catch {
    // A damaged record is as good as none: the server is looked for by its pid file and started anew.
    return undefined;
  }
}

/** Writes the record at once or not at all, readable by its owner only. */
export async function writeServerRecord(folder: DataFolder, record: ServerRecord): Promise<void> {
  const draft = `${folder.record}.${randomBytes(6).toString('hex')}`;
  await writeFile(draft, `${JSON.stringify(record, undefined, 2)}\n`, { mode: 0o600 });
  await rename(draft, folder.record);
}
