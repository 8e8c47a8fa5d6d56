// Asks the keeper of a dataset over NATS, from any process.
import type {
  ComparingAnswer,
  CutAnswer,
  DeriveAnswer,
  EraseAnswer,
  EraseRequest,
  ErasingAnswer,
  ExplainAnswer,
  FatesAnswer,
  ItemsAnswer,
  KeeperAnswer,
  KeeperRequest,
  OutsideAnswer,
  ResolutionRequest,
  SettledAnswer,
} from '#actors';
import {
  type NatsLink,
  NoResponders,
  RequestFailed,
  RequestTimeout,
  type SystemNames,
  statsOf,
  UNAVAILABLE,
} from '#nats';
import { pause } from '#runtime';
import { CommandError } from '../command-error.ts';
import { KEEPER_ACCESS, KEEPER_ACTORS } from './keeper-access.ts';
import { messageCodec } from './message-codec.ts';

/** Longest that a cut or a derivation may take. */
const PATIENCE_MS = 600_000;
const CHECK_EVERY_MS = 2_000;
/** After which what is to be erased is asked again, and until when. */
const ERASE_TRY_MS = 15_000;
const ERASE_MS = 20_000;
const COMPARING_POLL_MS = 200;
const GATHER_MS = 400;
/** Longest that a keeper is waited for which nobody runs at the moment: a node that died loses it within that time. */
const AWAY_MS = 15_000;
const SILENT_CHECKS = 3;

export class KeeperClient {
  readonly #link: NatsLink;
  readonly #names: SystemNames;
  readonly #dataset: string;
  readonly #timeoutMs: number;

  constructor(options: {
    readonly link: NatsLink;
    readonly names: SystemNames;
    readonly dataset: string;
    readonly timeoutMs: number;
  }) {
    this.#link = options.link;
    this.#names = options.names;
    this.#dataset = options.dataset;
    this.#timeoutMs = options.timeoutMs;
  }

  /** Cuts a manifest; takes as long as the dataset is large, and waits while a new generation comes into force. */
  async cut(): Promise<CutAnswer> {
    const { clock } = this.#link;
    const untilMs = clock.monotonicMs() + PATIENCE_MS;
    for (;;) {
      const answer = await this.#askPatiently<CutAnswer | ComparingAnswer>({ op: 'cut' });
      if (!('comparing' in answer)) return answer;
      const { pending } = answer.comparing;
      if (clock.monotonicMs() > untilMs) {
        throw new CommandError(
          'no_answer',
          `${pending} contents of ${this.#dataset} are still being compared`,
        );
      }
      await pause(clock, COMPARING_POLL_MS);
    }
  }

  settled(through: number): Promise<SettledAnswer> {
    return this.#ask({ op: 'settled', through }, this.#timeoutMs);
  }

  explain(key: string): Promise<ExplainAnswer> {
    return this.#ask({ op: 'explain', key }, this.#timeoutMs);
  }

  derive(number: number): Promise<DeriveAnswer> {
    return this.#askPatiently({ op: 'derive', number });
  }

  /** How sequences stand; at most `MAX_ASKED` of them. */
  fates(sequences: readonly number[]): Promise<FatesAnswer> {
    return this.#ask({ op: 'fates', sequences: [...sequences] }, this.#timeoutMs);
  }

  /** Records retries and purges of dead sequences; at most `MAX_ASKED`. Repeating it changes nothing. */
  resolve(resolutions: readonly ResolutionRequest[]): Promise<FatesAnswer> {
    return this.#ask({ op: 'resolve', resolutions: [...resolutions] }, this.#timeoutMs);
  }

  /** Dead sequences and repeats, at most `limit` of each by name, seen from a manifest. */
  outside(limit: number, manifest: number): Promise<OutsideAnswer> {
    return this.#ask({ op: 'outside', limit, manifest }, this.#timeoutMs);
  }

  /** Judged entries of items; at most `MAX_ASKED`. */
  items(items: readonly string[]): Promise<ItemsAnswer> {
    return this.#ask({ op: 'items', items: [...items] }, this.#timeoutMs);
  }

  /** Erases what keys name, or tells what that would be; at most `MAX_ASKED`. Repeating it changes nothing. */
  async erase(request: Omit<EraseRequest, 'op'>): Promise<EraseAnswer> {
    const { clock } = this.#link;
    const untilMs = clock.monotonicMs() + ERASE_MS;
    for (;;) {
      try {
        return await this.#ask({ op: 'erase', ...request }, Math.max(this.#timeoutMs, ERASE_TRY_MS));
      } catch (error) {
        // A keeper that is started anew, or moves, answers nothing of what the former one was asked.
        if (!isKeeperAway(error) || clock.monotonicMs() > untilMs) throw error;
        await pause(clock, COMPARING_POLL_MS);
      }
    }
  }

  /** What is still to be deleted of erased items. */
  erasing(): Promise<ErasingAnswer> {
    return this.#ask({ op: 'erasing' }, this.#timeoutMs);
  }

  /**
   * Waits as long as the work takes, and asks again where the question was lost: a node died over it, or the keeper changed
   * hands meanwhile.
   */
  async #askPatiently<T extends KeeperAnswer>(request: KeeperRequest): Promise<T> {
    const { clock } = this.#link;
    const untilMs = clock.monotonicMs() + PATIENCE_MS;
    for (;;) {
      const over = new AbortController();
      try {
        const answer = this.#ask<T>(request, Math.max(this.#timeoutMs, untilMs - clock.monotonicMs()));
        // One that was lost has no answer that anybody would see.
        answer.catch(() => {});
        const found = await Promise.race([answer, this.#overtaken(over.signal)]);
        if (found !== 'overtaken') return found;
      } finally {
        over.abort();
      }
    }
  }

  /**
   * Resolves when the keeper has answered what it was asked later: it answers in order. Never, once the signal is aborted.
   * @throws CommandError `no_answer` when no node has answered several times in a row
   */
  async #overtaken(signal: AbortSignal): Promise<'overtaken'> {
    const { clock } = this.#link;
    for (let silent = 0; ; ) {
      await pause(clock, CHECK_EVERY_MS, signal);
      const hasAnswered = !signal.aborted && (await this.#answersLater());
      // What was answered before may be on its way still.
      if (hasAnswered) await pause(clock, CHECK_EVERY_MS, signal);
      if (signal.aborted) return new Promise<never>(() => {});
      if (hasAnswered) return 'overtaken';
      silent = (await this.#nodes()) === 0 ? silent + 1 : 0;
      if (silent < SILENT_CHECKS) continue;
      throw new CommandError(
        'no_answer',
        `no node runs the dataset ${this.#dataset} any more; ask again once one does`,
      );
    }
  }

  /** Whether the keeper answers now. One that is at work does not. */
  async #answersLater(): Promise<boolean> {
    try {
      await this.settled(0);
      return true;
    } catch (error) {
      if (isKeeperAway(error)) return false;
      throw error;
    }
  }

  /** A keeper that changes hands, or whose dataset starts anew, is waited for while there are nodes. */
  async #ask<T extends KeeperAnswer>(request: KeeperRequest, timeoutMs: number): Promise<T> {
    const { clock } = this.#link;
    const subject = this.#names.subjects.ask(this.#dataset, KEEPER_ACTORS[KEEPER_ACCESS[request.op]]);
    let untilMs: number | undefined;
    for (;;) {
      try {
        return messageCodec.decode(
          await this.#link.request(subject, messageCodec.encode(request), timeoutMs),
        ) as T;
      } catch (cause) {
        const hasEnded = cause instanceof RequestFailed && cause.code === UNAVAILABLE;
        if (!hasEnded && !(cause instanceof NoResponders)) throw cause;
        untilMs ??= clock.monotonicMs() + Math.min(timeoutMs, AWAY_MS);
        if (clock.monotonicMs() > untilMs || (await this.#nodes()) === 0) {
          throw new CommandError('no_answer', `no node runs the dataset ${this.#dataset} now`, { cause });
        }
      }
    }
  }

  /** How many nodes of the system answer; takes a moment. */
  async #nodes(): Promise<number> {
    return (await statsOf(this.#link, this.#names.service, GATHER_MS).catch(() => [])).length;
  }
}

/** Whether the keeper was not there, or went away over a request. */
export function isKeeperAway(error: unknown): boolean {
  return (
    error instanceof RequestTimeout ||
    error instanceof RequestFailed ||
    (error instanceof CommandError && error.code === 'no_answer')
  );
}
