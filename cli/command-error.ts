// The base of the errors that commands throw on purpose. Each names a code of the catalogue, from which the exit
// code and the remedy come.
import type { CommandErrorCode } from './error-catalogue.ts';

/** An error that a user can act on. Its message says what was wrong, the value and what is allowed. */
export class CommandError extends Error {
  readonly code: CommandErrorCode;

  constructor(code: CommandErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CommandError';
    this.code = code;
  }
}

/** The command line itself is wrong: an unknown command or option, or a value that is not allowed. */
export class UsageError extends CommandError {
  constructor(message: string, options?: ErrorOptions) {
    super('usage', message, options);
    this.name = 'UsageError';
  }
}
