// Which records are compared at all: those that share a key of a blocking rule, say the beginning of the surname with
// the postcode. Several rules make up for each other's misses.
import { keyToken } from '../dedup/key-token.ts';
import { codeValue, dateDigits, emailValue, plainValue, type RecordFields } from './record-fields.ts';
import { soundex } from './soundex.ts';

/** How a field becomes part of a key. */
export type BlockingPart =
  | { readonly field: string; readonly by: 'value' | 'soundex' | 'code' | 'date' | 'year' | 'email' }
  | { readonly field: string; readonly by: 'prefix'; readonly length: number };

/** Records meet in a rule when all of its parts are equal and none is empty. */
export interface BlockingRule {
  readonly name: string;
  readonly parts: readonly BlockingPart[];
}

/**
 * The keys of a record under the dataset's secret, at most one a rule.
 * @throws RangeError when a rule has no parts or a prefix no length.
 */
export function blockingKeys(
  fields: RecordFields,
  rules: readonly BlockingRule[],
  secret: string | Uint8Array,
): readonly string[] {
  const keys: string[] = [];
  for (const { name, parts } of rules) {
    if (parts.length === 0) throw new RangeError(`expected the blocking rule ${name} to have parts`);
    const values = parts.map((part) => partOf(fields[part.field], part));
    if (values.every((value) => value !== '')) {
      keys.push(keyToken(secret, `block ${name}`, JSON.stringify(values)));
    }
  }
  return keys;
}

function partOf(value: string | undefined, part: BlockingPart): string {
  switch (part.by) {
    case 'value':
      return plainValue(value);
    case 'prefix':
      if (!(part.length >= 1)) throw new RangeError(`expected a prefix of at least 1, got ${part.length}`);
      return [...plainValue(value)].slice(0, part.length).join('');
    case 'soundex':
      return soundex(value ?? '');
    case 'code':
      return codeValue(value);
    case 'date':
      return dateDigits(value);
    case 'year':
      return dateDigits(value).slice(0, 4);
    case 'email':
      return emailValue(value);
  }
}
