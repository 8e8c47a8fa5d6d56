// How well one field of two records agrees, as a level from 0 (not at all) up; null where either says nothing.
import { jaroWinkler } from './jaro-winkler.ts';
import { codeValue, dateDigits, plainValue } from './record-fields.ts';

/**
 * - `exact`: 1 equal; for categories.
 * - `code`: 2 equal, 1 one character other, missing, added or swapped with its neighbour; for numbers and postcodes.
 * - `name`: 3 equal, 2 Jaro-Winkler at least 0.92, 1 at least 0.8; for names and addresses.
 * - `date`: 2 equal, 1 one digit other, two neighbours swapped, or day and month swapped.
 */
export type Comparator = 'exact' | 'code' | 'name' | 'date';

/** Levels that each comparator tells apart, 0 included. */
export const LEVELS: Readonly<Record<Comparator, number>> = { exact: 2, code: 3, name: 4, date: 3 };

/** The level of agreement of two values of a field; symmetric. */
export function agreement(
  comparator: Comparator,
  one: string | undefined,
  other: string | undefined,
): number | null {
  const normalise = comparator === 'date' ? dateDigits : comparator === 'code' ? codeValue : plainValue;
  const [a, b] = [normalise(one), normalise(other)];
  if (a === '' || b === '') return null;
  if (a === b) return LEVELS[comparator] - 1;
  switch (comparator) {
    case 'exact':
      return 0;
    case 'code':
      return isOneEdit(a, b) ? 1 : 0;
    case 'name':
      return nameLevel(jaroWinkler(a, b));
    case 'date':
      return isOneEdit(a, b) || withDayFirst(a) === b ? 1 : 0;
  }
}

function nameLevel(similarity: number): number {
  return similarity >= 0.92 ? 2 : similarity >= 0.8 ? 1 : 0;
}

/** Whether two different strings are one substitution, insertion, deletion or swap of neighbours apart. */
function isOneEdit(one: string, other: string): boolean {
  const [short, long] = one.length <= other.length ? [one, other] : [other, one];
  let from = 0;
  while (from < short.length && short[from] === long[from]) from += 1;
  if (long.length > short.length) return short.slice(from) === long.slice(from + 1);
  if (short.slice(from + 1) === long.slice(from + 1)) return true;
  return (
    short[from] === long[from + 1] &&
    short[from + 1] === long[from] &&
    short.slice(from + 2) === long.slice(from + 2)
  );
}

/** YYYYMMDD with month and day swapped. */
function withDayFirst(date: string): string {
  return date.slice(0, 4) + date.slice(6) + date.slice(4, 6);
}
