// Pauses intake while a journal is nearly full, so that a snapshot, which makes room, always fits (DESIGN section 5).
// An item that waits here is held unacknowledged and burns no attempt.
import type { Clock, Journal, Logger } from '#runtime';

/** Share of a journal's limit from which intake pauses. */
const CLOSED_FROM = 0.8;
const CHECK_EVERY_MS = 1_000;

export class IntakeGate {
  readonly #journal: Pick<Journal, 'usage'>;
  readonly #clock: Clock;
  readonly #log: Logger;
  #checkedMs = Number.NEGATIVE_INFINITY;
  #closed = false;
  #checking: Promise<void> | undefined;

  /** `journal` stands for all journals of the dataset: they share one stream and its limit. */
  constructor(options: {
    readonly journal: Pick<Journal, 'usage'>;
    readonly clock: Clock;
    readonly log: Logger;
  }) {
    this.#journal = options.journal;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** Resolves when there is room, or when `signal` aborts. The check is at most a second old. */
  async pass(signal: AbortSignal): Promise<void> {
    for (;;) {
      if (this.#clock.monotonicMs() - this.#checkedMs >= CHECK_EVERY_MS) await this.#check();
      if (!this.#closed || signal.aborted) return;
      await new Promise<void>((resolve) => {
        this.#clock.schedule(CHECK_EVERY_MS, resolve);
      });
    }
  }

  #check(): Promise<void> {
    this.#checking ??= this.#read().finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  async #read(): Promise<void> {
    const { bytes, maxBytes } = await this.#journal.usage();
    const closed = maxBytes > 0 && bytes >= maxBytes * CLOSED_FROM;
    if (closed && !this.#closed)
      this.#log.warn({ bytes, maxBytes }, 'intake paused: the journals are nearly full');
    if (!closed && this.#closed)
      this.#log.info({ bytes, maxBytes }, 'intake goes on: the journals have room');
    this.#closed = closed;
    this.#checkedMs = this.#clock.monotonicMs();
  }
}
