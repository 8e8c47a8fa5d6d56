// Why an image could not be analysed, as a stable code. The ingestor maps the code to a failure class; all of
// them are permanent: the same bytes fail the same way on every attempt.

/**
 * - `empty`: no bytes;
 * - `too_large`: longer than the configured limit;
 * - `unsupported_media_type`: recognised content that the image kind does not take (SVG, BMP, HEIC, PDF, JSON);
 * - `too_many_pixels`: the header announces more pixels than the configured limit;
 * - `corrupt_image`: no known signature, or a decoder gave up (truncated counts).
 */
export type AnalysisErrorCode =
  | 'empty'
  | 'too_large'
  | 'unsupported_media_type'
  | 'too_many_pixels'
  | 'corrupt_image';

/** An image was refused; `code` says why and never changes its meaning. */
export class AnalysisError extends Error {
  readonly code: AnalysisErrorCode;
  /** By its consequence: never again. */
  readonly failureClass = 'permanent';

  constructor(code: AnalysisErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'AnalysisError';
    this.code = code;
  }
}
