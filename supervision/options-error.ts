// The error of supervision options that make no sense. It is thrown when a supervisor is built, so that a
// wrong figure never waits for the first crash to show.

/** An option of supervision lies outside what is allowed; the message names it, its value and the limits. */
export class InvalidSupervisionOptions extends Error {
  override readonly name = 'InvalidSupervisionOptions';
  readonly code = 'invalid_supervision_options';
}
