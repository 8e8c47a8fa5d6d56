// The embedding session behind its breaker. A failure counts as an attempt of the items in hand only while the breaker
// stays closed; once it is open they wait, and a probe, which is no item, finds out whether the model answers again: so
// neither does a dead model use up items, nor can one item keep the model shut.
import {
  type ActorRef,
  type CircuitBreaker,
  MailboxFull,
  type Pool,
  type ThreadCall,
  ThreadNotBegun,
  toError,
} from '#runtime';
import { PassingFailure } from './item-failure.ts';

/** Asks of the session thread. */
export type EmbedCall = ThreadCall<
  { readonly pixels: readonly Uint8Array[] },
  { readonly vectors: readonly Float32Array[] }
>;

/** A session, or a pool of them. */
export type Sessions = Pick<ActorRef<EmbedCall>, 'room'> & Pick<Pool<EmbedCall>, 'ask'>;

export class GuardedSession {
  readonly #ref: Sessions;
  readonly #breaker: CircuitBreaker;
  readonly #timeoutMs: number;

  /** `timeoutMs` is the limit of one run, what it waits for at its session included. */
  constructor(options: {
    readonly ref: Sessions;
    readonly breaker: CircuitBreaker;
    readonly timeoutMs: number;
  }) {
    this.#ref = options.ref;
    this.#breaker = options.breaker;
    this.#timeoutMs = options.timeoutMs;
  }

  /**
   * One vector for each picture, `perRun` pictures at a time.
   * @throws PassingFailure `model_failed`; the signal's reason
   */
  async embed(
    pictures: readonly Uint8Array[],
    perRun: number,
    signal: AbortSignal,
  ): Promise<readonly Float32Array[]> {
    const vectors: Float32Array[] = [];
    for (let from = 0; from < pictures.length; from += perRun) {
      vectors.push(...(await this.#run(pictures.slice(from, from + perRun), signal)));
    }
    return vectors;
  }

  async #run(pictures: readonly Uint8Array[], signal: AbortSignal): Promise<readonly Float32Array[]> {
    for (;;) {
      using permit = await this.#breaker.permit(signal);
      const isProbe = this.#breaker.state === 'half_open';
      try {
        const vectors = await this.#ask(isProbe ? [noiseLike(pictures[0])] : pictures, signal);
        permit.succeeded();
        if (!isProbe) return vectors;
      } catch (cause) {
        if (signal.aborted) throw cause;
        // The session ended over what it had in hand: that counts once, for whoever asked it.
        if (cause instanceof ThreadNotBegun) continue;
        permit.failed(toError(cause));
        if (this.#breaker.state !== 'closed') continue;
        // Of the class of its cause: less at once after a lack of memory, more time after a hang.
        throw new PassingFailure('model_failed', 'the embedding session did not answer', { cause });
      }
    }
  }

  /** A full mailbox is waited out. */
  async #ask(pixels: readonly Uint8Array[], signal: AbortSignal): Promise<readonly Float32Array[]> {
    for (;;) {
      await this.#ref.room(signal);
      try {
        const answer = await this.#ref.ask<{ readonly vectors: readonly Float32Array[] }>(
          (reply) => ({ request: { pixels }, reply }),
          { timeoutMs: this.#timeoutMs, signal },
        );
        return answer.vectors;
      } catch (error) {
        if (!(error instanceof MailboxFull)) throw error;
      }
    }
  }
}

/** A picture of noise in the shape of another (a linear congruential generator, always the same). */
function noiseLike(picture: Uint8Array | undefined): Uint8Array {
  const noise = new Uint8Array(picture?.byteLength ?? 0);
  let state = 1;
  for (let at = 0; at < noise.length; at += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    noise[at] = state >>> 24;
  }
  return noise;
}
