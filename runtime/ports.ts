// The ports through which actors reach the world. `nats/` implements the durable ones over JetStream,
// `runtime/` the local ones (clock, random), and unit tests replace any of them.

/** Time as the runtime sees it; tests drive a manual one. */
export interface Clock {
  /** Milliseconds on a monotonic clock with an arbitrary origin; the only time decisions are made by. */
  monotonicMs(): number;
  /** Milliseconds since 1970-01-01 UTC; for records that people read, never for decisions. */
  wallMs(): number;
  /** Runs `action` once after `delayMs`; the returned function cancels it. */
  schedule(delayMs: number, action: () => void): () => void;
}

/** Uniform randomness in [0, 1). */
export interface RandomSource {
  next(): number;
}

/** Structured log: a constant phrase, data in fields. pino satisfies it. */
export interface Logger {
  trace(fields: object, phrase: string): void;
  debug(fields: object, phrase: string): void;
  info(fields: object, phrase: string): void;
  warn(fields: object, phrase: string): void;
  error(fields: object, phrase: string): void;
}

/** A message to a durable subject. */
export interface OutgoingMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  /** Idempotency id (`Nats-Msg-Id`); a repeat within the stream's duplicate window is stored once. */
  readonly id?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What the stream answered to a publish. */
export interface PublishReceipt {
  readonly stream: string;
  readonly sequence: number;
  readonly duplicate: boolean;
}

/** Publishes durably: resolves when the stream has acknowledged. A full stream is waited out, not failed. */
export interface DurablePublisher {
  publish(message: OutgoingMessage, signal?: AbortSignal): Promise<PublishReceipt>;
}

/** One delivery of one message from a work queue. Until it is settled the adapter keeps it alive (`working`). */
export interface Delivery {
  readonly subject: string;
  /** Sequence in the stage's own stream. */
  readonly sequence: number;
  /** 1 for the first delivery. */
  readonly deliveries: number;
  /** Wall-clock milliseconds at which the stream stored it. */
  readonly storedAtMs: number;
  readonly data: Uint8Array;
  header(name: string): string | undefined;
  /** Done: the queue forgets it. */
  ack(): void;
  /** Give back: it is delivered again after `delayMs`. Only for a drain and for the held stage. */
  nak(delayMs: number): void;
  /** Never again (after its dead letter was acknowledged). */
  term(): void;
}

export interface WorkSubscription {
  /** Asks for the next batch; exactly one `deliver` follows each call. */
  demand(): void;
  /** Stops pulling and returns what was not delivered to the actor (nak without delay). */
  close(): Promise<void>;
}

export interface WorkSource {
  /**
   * Pulls by demand: after each `demand()`, `deliver` is called once with 1 to `maxBatch` deliveries, as soon
   * as at least one is there, or as `gatherMs` says.
   */
  subscribe(options: {
    readonly maxBatch: number;
    /** Messages held in this process at once, waiting and in hand. */
    readonly prefetch: number;
    /**
     * After a batch the next one waits this long, in ms, unless it is full before: what arrives steadily is handled in
     * batches, and what arrives alone, at once. Default 0.
     */
    readonly gatherMs?: number;
    readonly deliver: (batch: readonly Delivery[]) => void;
    /** The subscription cannot go on (its consumer was deleted and not recreated, or the connection closed). */
    readonly failed: (error: Error) => void;
  }): Promise<WorkSubscription>;
}

/** Points at the newest snapshot that counts. */
export interface SnapshotPointer {
  /** The journal sequence up to which (inclusive) the snapshot holds the state. */
  readonly sequence: number;
  /** Name of the immutable object: sha256 of its bytes, 64 hex. */
  readonly digest: string;
}

/** How a journal stands, without owning it. */
export interface JournalStanding {
  /** Under which it was owned last. */
  readonly epoch: number;
  /** Of its last frame. */
  readonly sequence: number;
  readonly snapshot?: SnapshotPointer;
}

export interface JournalFrame {
  readonly sequence: number;
  readonly epoch: number;
  /** Encoded events, in order; empty for `owned` and `snapshot` frames. */
  readonly events: readonly unknown[];
}

/**
 * An event journal with one writer, fenced by compare-and-set on its subject's last sequence (DESIGN section 5).
 * One append is in flight at a time; a refused append throws `JournalFenced` (another owner) or
 * `JournalConflict` (reload and go on), never half-writes a frame.
 */
export interface Journal {
  /**
   * Takes the journal under `epoch`, by default one higher than any before: appends `owned(epoch)` by
   * compare-and-set, reading again and retrying until it lands. From then on every append of a former owner is
   * refused. The same epoch again is for the same owner, whose actor was restarted.
   * @throws JournalFenced when it is owned under a higher epoch
   */
  own(
    epoch?: number,
  ): Promise<{ readonly epoch: number; readonly sequence: number; readonly snapshot?: SnapshotPointer }>;
  /** How the journal stands, whoever owns it; epoch and sequence are 0 before its first frame. */
  standing(): Promise<JournalStanding>;
  /** Frames after `afterSequence`, up to and including `throughSequence`, oldest first. */
  replay(afterSequence: number, throughSequence: number): AsyncIterable<JournalFrame>;
  /** Appends events as one frame (split only between events at 512 KiB); resolves to the last sequence. */
  append(events: readonly unknown[]): Promise<number>;
  /** Makes a stored snapshot count, then truncates heads below the older of the last two. */
  recordSnapshot(pointer: SnapshotPointer): Promise<void>;
  /** Makes a stored snapshot the only one that counts, and deletes every frame that it holds. */
  compactTo(pointer: SnapshotPointer): Promise<void>;
  /** Deletes every frame of a journal that nobody will ever own again. */
  discard(): Promise<void>;
  /** Bytes stored and the limit; at 80 % intake pauses so that a snapshot always fits. */
  usage(): Promise<{ readonly bytes: number; readonly maxBytes: number }>;
}

/** Immutable bytes by key. */
export interface BlobStore {
  /** Resolves, once they are stored, to whether they were not there before: false where the same bytes were. */
  put(key: string, bytes: Uint8Array): Promise<boolean>;
  /** `undefined` when absent. */
  get(key: string): Promise<Uint8Array | undefined>;
  has(key: string): Promise<boolean>;
  delete(key: string): Promise<void>;
}

/** Blobs that may have a line of text beside them, which says what is known of their bytes. */
export interface NotedBlobStore extends BlobStore {
  /** As `BlobStore.put`. A note (one line of printable ASCII) is stored with the bytes, or takes the place of theirs. */
  put(key: string, bytes: Uint8Array, note?: string): Promise<boolean>;
  /**
   * As it is stored at this moment, whatever copies there are elsewhere; `undefined` when absent, and perhaps when it was
   * stored a moment ago.
   */
  getNoted(key: string): Promise<NotedBlob | undefined>;
}

export interface NotedBlob {
  readonly bytes: Uint8Array;
  readonly note?: string | undefined;
}

/** Blobs whose keys can be listed: for stores of few objects. */
export interface ListedBlobStore extends BlobStore {
  keys(): readonly string[] | Promise<readonly string[]>;
}

/** Small mutable records changed by compare-and-set. */
export interface RecordStore {
  get(key: string): Promise<{ readonly value: Uint8Array; readonly revision: number } | undefined>;
  /** Writes only if the record is at `revision` (0: absent). Resolves to the new revision, or `undefined` if it was not. */
  compareAndSet(key: string, value: Uint8Array, revision: number): Promise<number | undefined>;
  delete(key: string): Promise<void>;
  keys(): Promise<readonly string[]>;
}

/** A record that changed; without a value it was deleted. */
export interface RecordChange {
  readonly key: string;
  readonly value: Uint8Array | undefined;
  readonly revision: number;
}

/** Records that several processes follow. Revisions grow over all keys. */
export interface SharedRecords extends RecordStore {
  /**
   * What changed after `revision`, in order, each key at its newest value. A deletion may be missed: that a record is
   * not seen proves nothing.
   */
  changes(revision: number): Promise<readonly RecordChange[]>;
  /** Deletes the record only if it is at `revision`. Resolves to whether it was. */
  deleteAt(key: string, revision: number): Promise<boolean>;
}

/** Turns messages and events into bytes and back; `nats/` implements it with a version byte and msgpack. */
export interface Codec {
  encode(value: unknown): Uint8Array;
  /** @throws an error when the bytes are of an unknown version or are not a value. */
  decode(bytes: Uint8Array): unknown;
}
