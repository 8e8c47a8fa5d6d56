// Sizes in bytes, written as numbers or with a unit.
import { z } from 'zod';

const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
};

const SIZE_PATTERN = /^(\d+(?:\.\d+)?)\s*(B|KB|MB|GB|KiB|MiB|GiB)?$/i;

/** Bytes in a size such as `64MiB`, `8MB`, `"65536"` or 65536; `undefined` when it is none, is not whole or is negative. */
export function parseByteSize(size: number | string): number | undefined {
  if (typeof size === 'number') return Number.isSafeInteger(size) && size >= 0 ? size : undefined;
  const match = SIZE_PATTERN.exec(size.trim());
  if (match === null) return undefined;
  const bytes = Number(match[1]) * (UNITS[(match[2] ?? 'B').toUpperCase()] ?? 1);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** A size in bytes between `min` and `max`, written as a number or with a unit (KB = 1000, KiB = 1024). */
export function byteSize(range: { readonly min: number; readonly max: number }) {
  const message = `a size from ${range.min} to ${range.max} bytes, such as 64MiB, 8MB or 65536`;
  return z.union([z.number(), z.string()], { error: message }).transform((size, context) => {
    const bytes = parseByteSize(size);
    if (bytes !== undefined && bytes >= range.min && bytes <= range.max) return bytes;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });
}
