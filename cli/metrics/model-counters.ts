// What a served model tells of its requests, as metrics.
import type { EmbedMeter, RequestOutcome, VectorCause } from '#actors';
import type { Instruments } from './instruments.ts';

export class ModelCounters implements EmbedMeter {
  readonly #instruments: Instruments;
  readonly #model: string;

  constructor(instruments: Instruments, model: string) {
    this.#instruments = instruments;
    this.#model = model;
  }

  ended(outcome: RequestOutcome, tookMs: number): void {
    const model = this.#model;
    this.#instruments.count('troupe_embed_requests_total', { model, outcome });
    if (outcome === 'answered') {
      this.#instruments.observe('troupe_embed_request_seconds', { model }, tookMs / 1_000);
    }
  }

  found(cause: VectorCause): void {
    this.#instruments.count('troupe_embed_vectors_total', { model: this.#model, cause });
  }

  ran(items: number): void {
    this.#instruments.observe('troupe_embed_batch_items', { model: this.#model }, items);
  }
}
