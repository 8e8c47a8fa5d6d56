// Loggers that need no library: one that is silent, and one that adds fields to everything another one writes.
import type { Logger } from './ports.ts';

function ignore(): void {}

/** Writes nothing. */
export const silentLogger: Logger = {
  trace: ignore,
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
};

/** Writes to `log` with `fields` added to each line; the line's own fields win. */
export function withFields(log: Logger, fields: object): Logger {
  return {
    trace: (own, phrase) => log.trace({ ...fields, ...own }, phrase),
    debug: (own, phrase) => log.debug({ ...fields, ...own }, phrase),
    info: (own, phrase) => log.info({ ...fields, ...own }, phrase),
    warn: (own, phrase) => log.warn({ ...fields, ...own }, phrase),
    error: (own, phrase) => log.error({ ...fields, ...own }, phrase),
  };
}
