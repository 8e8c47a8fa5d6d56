// Parsers for the values of command-line options; a wrong value is a usage error that says what is allowed.
import { InvalidArgumentError } from 'commander';
import type { z } from 'zod';

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A duration such as `500ms`, `5s`, `2m` or a number of seconds, in ms. */
export function parseDurationMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text.trim());
  const durationMs = match === null ? Number.NaN : Number(match[1]) * (UNITS_MS[match[2] ?? 's'] ?? 1000);
  if (Number.isFinite(durationMs) && durationMs > 0) return durationMs;
  throw new InvalidArgumentError(`Expected a duration above 0 such as 500ms, 5s or 2m, got "${text}".`);
}

/** A whole number of at least `min`, and at most `max`. */
export function parseWholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isSafeInteger(value) && value >= min && value <= max) return value;
    const limits = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
    throw new InvalidArgumentError(`Expected a whole number ${limits}, got "${text}".`);
  };
}

/** A value that one field of the configuration takes, too; `read` makes it of the text, `expected` says what it is. */
export function parseField<T>(
  field: z.ZodType<T>,
  expected: string,
  read: (text: string) => unknown,
): (text: string) => T {
  return (text) => {
    const result = field.safeParse(read(text));
    if (result.success) return result.data;
    throw new InvalidArgumentError(`Expected ${expected}, got "${text}".`);
  };
}

/** Where to listen. */
export interface Listener {
  readonly host: string;
  readonly port: number;
}

/** `HOST:PORT`, `[IPV6]:PORT`, or a port of the loopback interface. */
export function parseListener(text: string): Listener {
  const match = /^(?:(?:\[([^\]]+)\]|([^:]+)):)?(\d{1,5})$/.exec(text.trim());
  const port = Number(match?.[3] ?? Number.NaN);
  if (port <= 65_535) return { host: match?.[1] ?? match?.[2] ?? '127.0.0.1', port };
  throw new InvalidArgumentError(`Expected HOST:PORT or a port from 0 to 65535, got "${text}".`);
}

/** The entries of a list with commas. */
export function listOf(text: string): readonly string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}
