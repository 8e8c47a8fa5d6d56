// Whether a worker thread's event loop still turns. The thread bumps a shared counter by a timer of its own; the
// actor's side looks at it as often. Nothing is sent, so that a main loop which was blocked itself, and then finds
// its own timer due before the thread's messages, never takes a living thread for a hanging one.
import type { Clock } from './ports.ts';

/** When a thread that does not respond is given up. */
export interface HeartbeatOptions {
  /**
   * Time between two beats of the thread, and between two looks at them, in milliseconds; default 1,000: a hang is
   * noticed soon enough by a limit of seconds, and an idle thread wakes once a second.
   */
  readonly intervalMs: number;
  /**
   * Longest silence of a thread that has no request in hand, in milliseconds; default 10,000: nothing of ours then
   * has a reason to hold its loop, and a garbage collection or a busy machine ends long before.
   */
  readonly idleLimitMs: number;
  /**
   * Longest silence while a request is in hand, in milliseconds; default none, so that the request's deadline alone
   * decides. Long synchronous work is legal: a model's run holds the thread's loop from its start to its end. Give a
   * limit where handlers only wait, so that a loop in one of them is found before its deadline.
   */
  readonly busyLimitMs?: number;
}

const defaultHeartbeat: HeartbeatOptions = { intervalMs: 1_000, idleLimitMs: 10_000 };

/** What the thread needs to beat. */
export interface Pulse {
  readonly beats: Int32Array<SharedArrayBuffer>;
  readonly intervalMs: number;
}

/** Makes this thread beat from its own event loop; does not keep the thread alive. */
export function beat({ beats, intervalMs }: Pulse): void {
  setInterval(() => Atomics.add(beats, 0, 1), intervalMs).unref();
}

/** Looks after the pulse of one thread. Silence is counted in looks, so that time in which nobody looked is none. */
export class ThreadHeartbeat {
  readonly pulse: Pulse;
  readonly #options: HeartbeatOptions;
  readonly #clock: Clock;
  readonly #underWay: () => number;
  readonly #silent: (silentMs: number) => void;
  #cancel = () => {};
  #seen = 0;
  #silentLooks = 0;

  constructor(options: {
    readonly heartbeat: Partial<HeartbeatOptions> | undefined;
    readonly clock: Clock;
    /** Requests that the thread has in hand. */
    readonly underWay: () => number;
    /** The thread was silent for too long; called once. */
    readonly silent: (silentMs: number) => void;
  }) {
    this.#options = { ...defaultHeartbeat, ...options.heartbeat };
    this.#clock = options.clock;
    this.#underWay = options.underWay;
    this.#silent = options.silent;
    const beats = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    this.pulse = { beats, intervalMs: this.#options.intervalMs };
  }

  /** Begins to look; a thread that is still starting may hold its loop for as long as its start may take. */
  watch(): void {
    this.#cancel = this.#clock.schedule(this.#options.intervalMs, () => this.#look());
  }

  /** Looks no more. */
  stop(): void {
    this.#cancel();
  }

  #look(): void {
    const { intervalMs, idleLimitMs, busyLimitMs } = this.#options;
    const beats = Atomics.load(this.pulse.beats, 0);
    const limitMs = this.#underWay() > 0 ? busyLimitMs : idleLimitMs;
    if (beats !== this.#seen || limitMs === undefined) this.#silentLooks = 0;
    else this.#silentLooks += 1;
    this.#seen = beats;
    const silentMs = this.#silentLooks * intervalMs;
    // One look may fall just before a beat that is due; two in a row do not.
    if (limitMs !== undefined && this.#silentLooks >= 2 && silentMs >= limitMs) this.#silent(silentMs);
    else this.watch();
  }
}
