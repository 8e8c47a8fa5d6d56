// Keys of texts and records as the indexes hold them: HMACs under the dataset's secret (G8), so that neither a journal
// nor an index tells what a person wrote, nor can be searched by guessing.
import { createHmac } from 'node:crypto';

/**
 * 16 hex digits for a key of a rule: the same for the same secret, rule and value, and uniform otherwise.
 * @param rule Name of what the key is a key of (a band, a blocking rule): equal values of two rules do not meet.
 */
export function keyToken(secret: string | Uint8Array, rule: string, value: string): string {
  return createHmac('sha256', secret).update(`${rule}\0${value}`).digest('hex').slice(0, 16);
}
