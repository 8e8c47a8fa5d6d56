// What is thrown when the configuration is not usable: every problem at once, each with its place.
import { CommandError } from '../command-error.ts';

/** One thing that is wrong with the configuration. */
export interface ConfigProblem {
  /** `file:line:column`, or the name of the environment variable that set the value. */
  readonly place: string;
  /** Path of the field, e.g. `datasets.photos.shards`; empty for the whole file. */
  readonly path: string;
  /** `expected …, got …`. */
  readonly message: string;
}

/** The configuration is not usable; the message holds one line per problem. */
export class ConfigError extends CommandError {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[], options?: ErrorOptions) {
    super('config_invalid', problems.map(formatProblem).join('\n'), options);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

function formatProblem(problem: ConfigProblem): string {
  return problem.path === ''
    ? `${problem.place} ${problem.message}`
    : `${problem.place} ${problem.path}: ${problem.message}`;
}
