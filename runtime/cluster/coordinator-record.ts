// Who plans for the system: one record beside those of the nodes. It is held as long as its holder's own lease.
import { z } from 'zod';
import { parseRecord } from './node-record.ts';

/** Key of the record; no node's key looks like it. */
export const COORDINATOR_KEY = 'coordinator';

const coordinatorRecordSchema = z.object({ node: z.string(), incarnation: z.string() });

/** The holder. */
export type CoordinatorRecord = z.infer<typeof coordinatorRecordSchema>;

/** The record in these bytes; undefined when this program does not understand it. */
export function parseCoordinatorRecord(value: Uint8Array): CoordinatorRecord | undefined {
  return parseRecord(coordinatorRecordSchema, value);
}
