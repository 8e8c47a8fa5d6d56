// The log of a node: JSON lines on standard error, level by TROUPE_LOG (default as the command says).
import { destination, pino } from 'pino';
import type { Logger } from '#runtime';

const STDERR = 2;

/** A pino logger; `TROUPE_LOG` is one of pino's levels. */
export function nodeLog(env: Readonly<Record<string, string | undefined>>, defaultLevel: string): Logger {
  const level = env.TROUPE_LOG ?? '';
  const known = level === 'silent' || Object.hasOwn(pino.levels.values, level);
  return pino({ level: known ? level : defaultLevel, base: null }, destination({ dest: STDERR, sync: true }));
}
