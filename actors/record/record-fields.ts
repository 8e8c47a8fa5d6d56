// A record's fields as they are compared: one form for the many that a value is written in. What is left empty takes
// part in nothing.

/** Values by the name of the field; absent and empty ones say nothing. */
export type RecordFields = Readonly<Record<string, string | undefined>>;

/** NFKC, lower case, single spaces, none around; empty where there is no value. */
export function plainValue(value: string | undefined): string {
  return (value ?? '').normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim();
}

/** Letters and digits alone, in upper case: a postcode, a number of an account. */
export function codeValue(value: string | undefined): string {
  return plainValue(value)
    .replace(/[^\p{L}\p{N}]/gu, '')
    .toUpperCase();
}

/** The digits of a date, year first as ISO 8601 and its short form have it; empty where there are not eight. */
export function dateDigits(value: string | undefined): string {
  const digits = plainValue(value).split('t')[0]?.replace(/\D/g, '') ?? '';
  return digits.length === 8 ? digits : '';
}

/** An address without the tag behind `+`; empty where there is no `@` between two parts. */
export function emailValue(value: string | undefined): string {
  const [, local, host] = /^([^@+]+)(?:\+[^@]*)?@([^@]+)$/.exec(plainValue(value)) ?? [];
  return local === undefined ? '' : `${local}@${host}`;
}
