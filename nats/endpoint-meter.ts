// One endpoint of a service with the figures that STATS tells of it (ADR-32): how many requests it had, how many of
// them failed and why, and how long they took.
import type { Clock } from '#runtime';

const NANOS_PER_MS = 1_000_000;

/** What answers requests on a subject. Every process of the service answers each: there is no queue group. */
export interface ServiceEndpoint {
  /** Letters, digits, `-` and `_`. */
  readonly name: string;
  readonly subject: string;
  readonly handle: (data: Uint8Array) => Promise<Uint8Array>;
}

/** Counts what an endpoint does. */
export class EndpointMeter {
  readonly endpoint: ServiceEndpoint;
  readonly #clock: Clock;
  #requests = 0;
  #errors = 0;
  #lastError = '';
  #busyMs = 0;

  constructor(endpoint: ServiceEndpoint, clock: Clock) {
    this.endpoint = endpoint;
    this.#clock = clock;
  }

  /** Name and subject as INFO and STATS tell them. */
  get described(): object {
    const { name, subject } = this.endpoint;
    return { name, subject, queue_group: '' };
  }

  /** Since the service started; times in nanoseconds. */
  get counts(): object {
    const busyNanos = Math.round(this.#busyMs * NANOS_PER_MS);
    return {
      num_requests: this.#requests,
      num_errors: this.#errors,
      last_error: this.#lastError,
      processing_time: busyNanos,
      average_processing_time: this.#requests === 0 ? 0 : Math.round(busyNanos / this.#requests),
    };
  }

  /** Answers one request; a failure is counted and passed on. */
  async handle(data: Uint8Array): Promise<Uint8Array> {
    const beganMs = this.#clock.monotonicMs();
    try {
      return await this.endpoint.handle(data);
    } catch (error) {
      this.#errors += 1;
      this.#lastError = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      throw error;
    } finally {
      this.#requests += 1;
      this.#busyMs += this.#clock.monotonicMs() - beganMs;
    }
  }
}
