// Asks the keeper of a dataset over NATS, from any process.
import type {
  CutAnswer,
  DeriveAnswer,
  ExplainAnswer,
  KeeperAnswer,
  KeeperRequest,
  SettledAnswer,
} from '#actors';
import { type NatsLink, NoResponders, type SystemNames } from '#nats';
import { CommandError } from '../command-error.ts';
import { messageCodec } from './message-codec.ts';

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

  /** Cuts a manifest; takes as long as the dataset is large. */
  cut(): Promise<CutAnswer> {
    return this.#ask({ op: 'cut' }, Math.max(this.#timeoutMs, 600_000));
  }

  settled(through: number): Promise<SettledAnswer> {
    return this.#ask({ op: 'settled', through }, this.#timeoutMs);
  }

  explain(key: string): Promise<ExplainAnswer> {
    return this.#ask({ op: 'explain', key }, this.#timeoutMs);
  }

  derive(number: number): Promise<DeriveAnswer> {
    return this.#ask({ op: 'derive', number }, Math.max(this.#timeoutMs, 600_000));
  }

  async #ask<T extends KeeperAnswer>(request: KeeperRequest, timeoutMs: number): Promise<T> {
    try {
      const subject = this.#names.subjects.ask(this.#dataset, 'keeper');
      return messageCodec.decode(
        await this.#link.request(subject, messageCodec.encode(request), timeoutMs),
      ) as T;
    } catch (cause) {
      if (!(cause instanceof NoResponders)) throw cause;
      throw new CommandError('no_answer', `no node runs the dataset ${this.#dataset} now`, { cause });
    }
  }
}
