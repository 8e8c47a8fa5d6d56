// Dead letters as commands see them: read from their stream, published again, deleted. A retry publishes first and
// is recorded after, under ids that repeat, so that a crash anywhere between costs at most a repeat of the item.
import { z } from 'zod';
import { type ResolutionRequest, type SequenceFate, sha256Hex } from '#actors';
import { deleteMessage, eachMessage, messageAt, type StoredMessage, streamState } from '#nats';
import type { ClientSystem } from './client-system.ts';
import type { KeeperClient } from './keeper-client.ts';
import { type IntakeMessage, intakeMessageOf } from './retry-message.ts';

/** A dead letter, as listed. */
export interface DeadLetter {
  readonly letter: number;
  /** Sequence in the intake stream. */
  readonly sequence: number;
  readonly stage: string;
  readonly reason: string;
  readonly error: string;
  readonly attempts: number;
  /** As its publisher gave it, in a header or in the reference. */
  readonly id: string | null;
  readonly source: string | null;
  /** Where the content of a reference is. */
  readonly uri: string | null;
  readonly bytes: number;
  readonly storedAt: string;
}

/** What became of one letter. */
export interface LetterResult {
  readonly letter: number;
  readonly sequence: number;
  /** `skipped`: nothing was done, `why` says it. */
  readonly result: 'retried' | 'purged' | 'skipped';
  /** The intake sequence that a retry became. */
  readonly as?: number;
  readonly why?: string;
}

/** Which letters a command is about. */
export interface LetterSelection {
  /** Numbers as listed; undefined means all that are there now. */
  readonly letters?: readonly number[];
  readonly reason?: string;
}

/** Letters in hand at once: few enough that 64 of the largest messages fit in memory. */
const BATCH = 16;

/** The members of a reference that tell which item it is; whatever else it holds may be why it is dead. */
const referenceSchema = z.looseObject({
  id: z.string().optional().catch(undefined),
  source: z.string().optional().catch(undefined),
  uri: z.string().optional().catch(undefined),
});

/** A larger message is no reference. */
const MAX_REFERENCE_BYTES = 1024 * 1024;

/** What the message says of itself where it is a reference; empty for bytes. */
function referenceIn({ data }: StoredMessage): z.infer<typeof referenceSchema> {
  if (data[0] !== 0x7b || data.byteLength > MAX_REFERENCE_BYTES) return {};
  try {
    return referenceSchema.parse(JSON.parse(Buffer.from(data).toString()));
  } catch {
    // Bytes that begin like JSON and are none.
    return {};
  }
}

/** What a stored dead letter says. */
export function deadLetter(message: StoredMessage): DeadLetter {
  const reference = referenceIn(message);
  return {
    letter: message.sequence,
    sequence: Number(message.header('Troupe-Sequence') ?? 0),
    stage: message.header('Troupe-Stage') ?? '',
    reason: message.header('Troupe-Reason') ?? '',
    error: message.header('Troupe-Error') ?? '',
    attempts: Number(message.header('Troupe-Attempts') ?? 0),
    id: message.header('Troupe-Id') ?? reference.id ?? null,
    source: message.header('Troupe-Source') ?? reference.source ?? null,
    uri: reference.uri ?? null,
    bytes: message.data.byteLength,
    storedAt: message.storedAt,
  };
}

/** The letters of one dataset, and what can be done about them. */
export class DeadLetters {
  readonly #system: ClientSystem;
  readonly #dataset: string;
  readonly #keeper: Pick<KeeperClient, 'fates' | 'resolve'>;

  /** @param options.keeper Default: the dataset's keeper. */
  constructor(options: {
    readonly system: ClientSystem;
    readonly dataset: string;
    readonly keeper?: Pick<KeeperClient, 'fates' | 'resolve'>;
  }) {
    this.#system = options.system;
    this.#dataset = options.dataset;
    this.#keeper = options.keeper ?? options.system.keeper(options.dataset);
  }

  get #stream(): string {
    return this.#system.names.streams.dead(this.#dataset);
  }

  /** The selected letters with their original messages, oldest first, as they were when this was called. */
  async *read(selection: LetterSelection = {}): AsyncGenerator<StoredMessage, void> {
    const { letters, reason } = selection;
    const wanted = (message: StoredMessage) =>
      reason === undefined || message.header('Troupe-Reason') === reason;
    if (letters !== undefined) {
      for (const letter of letters) {
        const message = await this.at(letter);
        if (message !== undefined && wanted(message)) yield message;
      }
      return;
    }
    // What a retry makes dead again comes after this, and is not retried by the same command.
    const { lastSequence } = await streamState(this.#system.link, this.#stream);
    for await (const message of eachMessage(this.#system.link, this.#stream)) {
      if (message.sequence > lastSequence) return;
      if (wanted(message)) yield message;
    }
  }

  at(letter: number): Promise<StoredMessage | undefined> {
    return messageAt(this.#system.link, this.#stream, letter);
  }

  /** Publishes the original messages again, records that, and deletes the letters. */
  async *retry(selection: LetterSelection): AsyncGenerator<LetterResult, void> {
    const incarnation = (await streamState(this.#system.link, this.#intake)).created;
    for await (const batch of inBatches(this.read(selection))) {
      const fates = await this.#fatesOf(batch);
      const retried: ResolutionRequest[] = [];
      const failures = new Map<number, string>();
      for (const message of batch) {
        const { letter, sequence } = deadLetter(message);
        if (fates.get(sequence)?.state !== 'dead') continue;
        const original = await intakeMessageOf(message, this.#system.blobs(this.#dataset));
        if ('why' in original) failures.set(letter, original.why);
        else
          retried.push({
            state: 'retried',
            sequence,
            as: await this.#publish(original, sequence, incarnation),
          });
      }
      yield* this.#resolve(batch, retried, failures);
    }
  }

  /** Records that a person deletes the letters, and deletes them. */
  async *purge(selection: LetterSelection & { readonly by: string }): AsyncGenerator<LetterResult, void> {
    for await (const batch of inBatches(this.read(selection))) {
      const purged = batch.map((message): ResolutionRequest => {
        const { sequence } = deadLetter(message);
        return { state: 'purged', sequence, by: selection.by };
      });
      yield* this.#resolve(batch, purged, new Map(), { judgedToo: true });
    }
  }

  get #intake(): string {
    return this.#system.names.streams.intake(this.#dataset);
  }

  async #fatesOf(batch: readonly StoredMessage[]): Promise<ReadonlyMap<number, SequenceFate>> {
    const { fates } = await this.#keeper.fates(batch.map((message) => deadLetter(message).sequence));
    return new Map(fates.map(({ sequence, fate }) => [sequence, fate]));
  }

  /** One id for a dead sequence of this incarnation: publishing it again gives the same new sequence. */
  async #publish(message: IntakeMessage, sequence: number, incarnation: string): Promise<number> {
    const { link, names } = this.#system;
    const id = `retry.${sha256Hex(`${this.#dataset}\n${incarnation}\n${sequence}`).slice(0, 32)}`;
    const receipt = await link.publisher.publish({
      ...message,
      subject: names.subjects.intake(this.#dataset),
      id,
    });
    return receipt.sequence;
  }

  /** Records what is to be recorded, then deletes each letter that nothing is left to do about. */
  async *#resolve(
    batch: readonly StoredMessage[],
    requests: readonly ResolutionRequest[],
    failures: ReadonlyMap<number, string>,
    options: { readonly judgedToo?: boolean } = {},
  ): AsyncGenerator<LetterResult, void> {
    if (requests.length > 0) await this.#keeper.resolve(requests);
    const fates = await this.#fatesOf(batch);
    for (const message of batch) {
      const { letter, sequence } = deadLetter(message);
      const result = resultOf(letter, sequence, fates.get(sequence), failures.get(letter), options);
      if (result.result !== 'skipped') await deleteMessage(this.#system.link, this.#stream, letter);
      yield result;
    }
  }
}

function resultOf(
  letter: number,
  sequence: number,
  fate: SequenceFate | undefined,
  failure: string | undefined,
  { judgedToo = false }: { readonly judgedToo?: boolean },
): LetterResult {
  switch (fate?.state) {
    case 'retried':
      return { letter, sequence, result: 'retried', as: fate.as };
    case 'purged':
      return { letter, sequence, result: 'purged' };
    case 'judged':
      return judgedToo
        ? { letter, sequence, result: 'purged', why: 'its item has a verdict, which stays' }
        : { letter, sequence, result: 'skipped', why: 'its item has a verdict other than dead' };
    case 'erased':
      return { letter, sequence, result: 'skipped', why: 'it is erased, and its letter goes with it' };
    case 'dead':
      return { letter, sequence, result: 'skipped', why: failure ?? 'it was not recorded' };
    case 'open':
    case undefined:
      return { letter, sequence, result: 'skipped', why: 'its verdict is still on its way: try again' };
  }
}

async function* inBatches<T>(all: AsyncIterable<T>): AsyncGenerator<readonly T[], void> {
  let batch: T[] = [];
  for await (const each of all) {
    batch.push(each);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
