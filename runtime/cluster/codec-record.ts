// The record of the message version that a system has agreed on; it lies beside those of the nodes, in one order with
// them, so that whoever sees it sees every node that had joined before.
import { z } from 'zod';
import type { CodecAgreement } from '#supervision';
import { parseRecord } from './node-record.ts';

/** Key of the record. */
export const CODEC_KEY = 'codec';

const schema: z.ZodType<CodecAgreement> = z.object({
  version: z.int().positive(),
  next: z.int().positive().exactOptional(),
});

/** The agreement in these bytes; undefined when this program does not understand it. */
export function parseCodecRecord(value: Uint8Array): CodecAgreement | undefined {
  return parseRecord(schema, value);
}
