// How the queues of all datasets stand, asked from the server. Whoever asks shortly after another gets the same answer, so
// that no number of readers burdens the server; where it does not answer in time there is none.
import { type NatsLink, type QueueStanding, queueStanding, type SystemNames } from '#nats';
import { type Clock, type Logger, pause, toError } from '#runtime';
import { SIZED_STREAMS } from './metric-catalogue.ts';

export interface DatasetQueues {
  readonly dataset: string;
  readonly streams: Readonly<Record<(typeof SIZED_STREAMS)[number], QueueStanding>>;
}

/** Shorter than any sensible interval of scrapes. */
const FRESH_MS = 2_000;
/** Half of what Prometheus waits for a scrape by default. */
const GIVE_UP_MS = 5_000;

export class QueueSampler {
  readonly #options: QueueSamplerOptions;
  #sample: Promise<readonly DatasetQueues[]> = Promise.resolve([]);
  #atMs = Number.NEGATIVE_INFINITY;

  constructor(options: QueueSamplerOptions) {
    this.#options = options;
  }

  /** Never rejects. */
  sample(): Promise<readonly DatasetQueues[]> {
    const { clock, log } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#atMs < FRESH_MS) return this.#sample;
    this.#atMs = nowMs;
    const asked = this.#ask().catch((error: unknown) => {
      log.warn({ err: toError(error) }, 'queues could not be measured');
      return [];
    });
    this.#sample = Promise.race([asked, pause(clock, GIVE_UP_MS).then(() => [])]);
    return this.#sample;
  }

  async #ask(): Promise<readonly DatasetQueues[]> {
    const { link, datasets } = this.#options;
    if (!link.connected) return [];
    return Promise.all(datasets().map((dataset) => this.#dataset(dataset)));
  }

  async #dataset(dataset: string): Promise<DatasetQueues> {
    const { link, names } = this.#options;
    const { streams } = names;
    const standings = await Promise.all(
      SIZED_STREAMS.map(async (stream) => {
        const name =
          stream === 'intake' || stream === 'journal' || stream === 'dead' || stream === 'outcome'
            ? streams[stream](dataset)
            : streams.work(dataset, stream);
        return [stream, await queueStanding(link, name)] as const;
      }),
    );
    return { dataset, streams: Object.fromEntries(standings) as DatasetQueues['streams'] };
  }
}

export interface QueueSamplerOptions {
  readonly link: NatsLink;
  readonly names: SystemNames;
  /** Names of the datasets that run here. */
  readonly datasets: () => readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
}
