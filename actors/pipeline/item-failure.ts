// Failures of one item, classed by what becomes of it: a permanent one is dead-lettered with its code, a
// passing one is tried again in place, and anything else is a bug that crashes the actor.

/** The item itself is at fault: trying again cannot help. Its code is the dead letter's reason (docs/errors.md). */
export class ItemFailure extends Error {
  override readonly name = 'ItemFailure';
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A dependency failed for now: tried again after a delay; exhausted attempts dead-letter the item with `code`. */
export class PassingFailure extends Error {
  override readonly name = 'PassingFailure';
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
