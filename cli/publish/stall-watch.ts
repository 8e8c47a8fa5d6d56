// Tells whoever publishes when nothing is stored any more, and why: the server is full, away, or its cluster has no leader.
// Nothing is lost meanwhile, as everything that has no acknowledgement is sent again.
import { isFullCode, type NatsLink } from '#nats';
import type { Clock } from '#runtime';

/** From when on a silence is told; a leader may take as long to be elected. */
const STALLED_FROM_MS = 10_000;
const LOOK_MS = 1_000;

export interface StallWatchOptions {
  readonly clock: Clock;
  /** Why what was sent is not stored; undefined while nothing waits to be. */
  readonly why: () => string | undefined;
  /** Told every second of a silence that lasts. */
  readonly tell: (text: string) => void;
}

/** Watches one run of publishing until it is closed. */
export class StallWatch {
  readonly #options: StallWatchOptions;
  #movedMs: number;
  #cancel: () => void = () => {};

  constructor(options: StallWatchOptions) {
    this.#options = options;
    this.#movedMs = options.clock.monotonicMs();
    this.#lookLater();
  }

  /** An item was stored. */
  moved(): void {
    this.#movedMs = this.#options.clock.monotonicMs();
  }

  close(): void {
    this.#cancel();
  }

  #lookLater(): void {
    this.#cancel = this.#options.clock.schedule(LOOK_MS, () => {
      this.#look();
      this.#lookLater();
    });
  }

  #look(): void {
    const { clock, why, tell } = this.#options;
    const reason = why();
    if (reason === undefined) {
      this.moved();
      return;
    }
    const silentMs = clock.monotonicMs() - this.#movedMs;
    if (silentMs < STALLED_FROM_MS) return;
    const seconds = Math.floor(silentMs / 1000);
    tell(`nothing was stored for ${seconds} s: ${reason}; it goes on by itself, and what was stored stays`);
  }
}

/** Why nothing is stored now, as far as a connection knows. */
export function waitingReason({
  connected,
  publisher,
}: {
  readonly connected: boolean;
  readonly publisher: Pick<NatsLink['publisher'], 'pending' | 'waiting'>;
}): string | undefined {
  if (publisher.pending === 0) return undefined;
  if (!connected) return 'no NATS server can be reached';
  const [first] = publisher.waiting;
  return first !== undefined && (first.code === 0 || isFullCode(first.code))
    ? `the server answers "${first.why}" (see \`troupe status\`)`
    : 'no leader takes it, as when most of a NATS cluster is gone (see `troupe status`)';
}
