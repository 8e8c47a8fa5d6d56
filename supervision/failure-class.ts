// Failures are classed by what follows of them, not by where they came from. Whoever throws names the class;
// whoever handles a message reads the consequence and needs to know nothing of the source.

/**
 * `transient`: a passing trouble. `resource`: too much at once. `timeout`: it took too long. `recoverable`:
 * somebody has to act first (disk full, permission). `permanent`: this message can never succeed. `bug`: the
 * code's own state is in doubt.
 */
export type FailureClass = 'transient' | 'resource' | 'timeout' | 'recoverable' | 'permanent' | 'bug';

/** What becomes of the message (retry, dead_letter) or of the actor (crash). */
export type FailureConsequence =
  | {
      readonly action: 'retry';
      /** `backoff`: after the stage's backoff; `long`: after the delay of the held stage. */
      readonly delay: 'backoff' | 'long';
      /** What the next try does differently. */
      readonly adjust: 'nothing' | 'smaller_batch' | 'longer_limit';
      /** Whether the failure uses up one of the message's attempts; waiting does not. */
      readonly countsAttempt: boolean;
    }
  | { readonly action: 'dead_letter' }
  | { readonly action: 'crash' };

/** What follows of a failure of this class. */
export function consequenceOf(failureClass: FailureClass): FailureConsequence {
  switch (failureClass) {
    case 'transient':
      return { action: 'retry', delay: 'backoff', adjust: 'nothing', countsAttempt: true };
    case 'resource':
      return { action: 'retry', delay: 'backoff', adjust: 'smaller_batch', countsAttempt: true };
    case 'timeout':
      return { action: 'retry', delay: 'backoff', adjust: 'longer_limit', countsAttempt: true };
    case 'recoverable':
      return { action: 'retry', delay: 'long', adjust: 'nothing', countsAttempt: false };
    case 'permanent':
      return { action: 'dead_letter' };
    case 'bug':
      return { action: 'crash' };
  }
}

const classes: ReadonlySet<unknown> = new Set<FailureClass>([
  'transient',
  'resource',
  'timeout',
  'recoverable',
  'permanent',
  'bug',
]);

function isFailureClass(value: unknown): value is FailureClass {
  return classes.has(value);
}

/** The class that an error names in its `failureClass` field; `bug` for everything that names none. */
export function failureClassOf(error: unknown): FailureClass {
  if (typeof error !== 'object' || error === null || !('failureClass' in error)) return 'bug';
  return isFailureClass(error.failureClass) ? error.failureClass : 'bug';
}
