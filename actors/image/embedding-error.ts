// Why no vector came. A failing batch is bisected by whoever formed it, so that one item fails alone.

/** A model could not be loaded or run; the message of ONNX Runtime is the cause. */
export class EmbeddingError extends Error {
  readonly code = 'model_failed';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EmbeddingError';
  }
}
