// Headers of an answer that says what went wrong, as ADR-32 has them.

export const ERROR_HEADER = 'Nats-Service-Error';
/** A number, as HTTP has them. */
export const ERROR_CODE_HEADER = 'Nats-Service-Error-Code';
