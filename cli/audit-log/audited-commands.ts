// Which commands the audit log tells of: those that change something for others. It is the one list of them; what they were
// told is recorded as it was typed, but for what must not be kept.
import type { Command } from 'commander';

interface AuditedCommand {
  /** Whether these options make it one that changes something; default: always. */
  readonly changes?: (options: Readonly<Record<string, unknown>>) => boolean;
  /** What is recorded of its operands; default: all. */
  readonly operands?: (operands: readonly string[]) => readonly string[];
}

const AUDITED: Readonly<Record<string, AuditedCommand>> = {
  'dataset create': {},
  'dataset set': {},
  'dataset delete': {},
  'manifest cut': {},
  // What is erased must not live on here; the tombstones of the ledger say which items it was.
  erase: {
    changes: ({ dryRun }) => dryRun !== true,
    operands: ([dataset = '', ...items]) => [dataset, `(${items.length} named)`],
  },
  calibrate: { changes: ({ apply }) => apply === true },
  'dead retry': {},
  'dead purge': {},
  'shards move': {},
  'shards drain': {},
  'shards resize': {},
  'model add': {},
  'cache clear': {},
  'cache warm': {},
};

/** What a command is about to do. */
export interface Action {
  /** Its name, such as `dataset set`. */
  readonly command: string;
  readonly operands: readonly string[];
  /** Its own options; those that say where and who are no part of it. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** The action of a command that changes something; undefined for every other one. */
export function actionOf(command: Command): Action | undefined {
  const name = pathOf(command).join(' ');
  const audited = Object.hasOwn(AUDITED, name) ? AUDITED[name] : undefined;
  const options = command.opts<Readonly<Record<string, unknown>>>();
  if (audited === undefined || audited.changes?.(options) === false) return undefined;
  const operands = audited.operands?.(command.args) ?? command.args;
  return { command: name, operands, options };
}

/** Names of all audited commands. */
export const AUDITED_COMMANDS: readonly string[] = Object.keys(AUDITED);

/** Without the name of the program. */
function pathOf(command: Command): readonly string[] {
  return command.parent === null ? [] : [...pathOf(command.parent), command.name()];
}
