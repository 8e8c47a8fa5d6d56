// What is wrong with an expression, found when the configuration is loaded.

/** The expression cannot be used; the message says why, in words that follow "expected a valid CEL expression". */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';
  /** Where in the expression, in characters from 0. */
  readonly position: number;
  /** The name that is not known and those that are, for a suggestion. */
  readonly unknown: { readonly name: string; readonly allowed: readonly string[] } | undefined;

  constructor(
    message: string,
    position: number,
    options?: ErrorOptions & { readonly name?: string; readonly allowed?: readonly string[] },
  ) {
    super(message, options);
    this.position = position;
    const { name, allowed } = options ?? {};
    this.unknown = name === undefined || allowed === undefined ? undefined : { name, allowed };
  }
}
