// The ledger: one verdict for each intake sequence, the verified edges, and the cuts. This file is its state and
// how events change it; the keeper owns the journal behind it. Applying an event twice changes nothing (G2).
import { type Codec, compactCopy, MAP_ENTRY_BYTES, retainedBytes } from '#runtime';
import type { ContentFacts, Edge } from '../kinds/kind.ts';
import type { VerdictMessage } from '../pipeline/messages.ts';
import type { DeadResolution, SequenceFate } from './dead-fate.ts';
import { EdgeGenerations, type SavedGenerations } from './edge-generations.ts';
import { type ErasedEntry, type Erasure, Erasures, type SavedErasures } from './erasures.ts';
import { itemsByContent } from './ledger-contents.ts';
import type { JudgedEntry, LedgerEntry, LedgerEvent } from './ledger-events.ts';
import type { ManifestRecord } from './manifest.ts';
import { noVerdicts, type VerdictCounts } from './verdict-counts.ts';

export class Ledger {
  /** In journal order; a replaced dead entry stays in its place, overruled by the later one. */
  readonly #order: LedgerEntry[] = [];
  readonly #bySequence = new Map<number, LedgerEntry>();
  /** Sequences of each item; the smallest leads, the others are repeats of it. */
  readonly #sequencesOf = new Map<string, number[]>();
  #generations = new EdgeGenerations();
  #erasures = new Erasures();
  /** What was done about dead sequences; it counts only while the entry is a dead one. */
  readonly #resolutions = new Map<number, DeadResolution>();
  readonly #cuts: ManifestRecord[] = [];
  readonly #counts = noVerdicts();
  /** Every sequence up to this one has a verdict. */
  #completeThrough = 0;
  #accountedBytes = 0;
  #announced = 0;
  #cutAnnounced = 0;

  /** Bytes of memory that entries and edges hold, with their places in lists and maps. */
  get accountedBytes(): number {
    return this.#accountedBytes + this.#generations.accountedBytes + this.#erasures.accountedBytes;
  }

  apply(event: LedgerEvent): void {
    switch (event.type) {
      case 'entries':
        for (const entry of event.entries) {
          this.#enter(entry);
          if (isCompared(entry) && !this.#isErased(entry.item)) {
            this.#generations.entered(entry.facts.content, entry.sequence, event.generation ?? 1);
          }
        }
        this.#generations.join(event.edges, event.generation ?? 1, this.#order.length);
        return;
      case 'replay_begun':
        this.#generations.begin(
          { generation: event.generation, config: event.config, begunAt: event.at },
          this.#comparedContents(),
        );
        return;
      case 'compared':
        this.#generations.compared(event.generation, event.contents, event.edges);
        return;
      case 'switched':
        this.#generations.switch(event.generation, event.at);
        return;
      case 'replay_cancelled':
        this.#generations.cancel(event.generation);
        return;
      case 'erased':
        this.#erase(event);
        return;
      case 'erasure_done':
        this.#erasures.deleted(event.deleted);
        this.#forgetContents(new Set(event.deleted.contents));
        return;
      case 'erasure_closed':
        this.#erasures.compacted();
        return;
      case 'derives':
        this.#erasures.derives(event.names);
        return;
      case 'resolved':
        for (const [sequence, resolution] of event.resolutions) {
          if (this.fate(sequence).state !== 'dead') continue;
          this.#recounting([sequence], () => this.#resolutions.set(sequence, resolution));
        }
        return;
      case 'announced':
        this.#announced = Math.max(this.#announced, event.through);
        return;
      case 'cut':
        this.#cuts.push(event.manifest);
        return;
      case 'cut_announced':
        this.#cutAnnounced = event.number;
        return;
    }
  }

  /** Whether a message still has something to say: a new sequence, or a verdict that replaces `dead`. */
  accepts(message: VerdictMessage): boolean {
    const known = this.#bySequence.get(message.sequence);
    return known === undefined || (message.type === 'judged' && isReplaceable(known));
  }

  entry(sequence: number): LedgerEntry | undefined {
    return this.#bySequence.get(sequence);
  }

  /** How a sequence stands. */
  fate(sequence: number): SequenceFate {
    const entry = this.#bySequence.get(sequence);
    if (entry === undefined) return { state: 'open' };
    if (entry.type === 'judged') return { state: 'judged' };
    if (entry.type === 'erased') return { state: 'erased', at: entry.erasure.at };
    return this.#resolutions.get(sequence) ?? { state: 'dead', reason: entry.reason };
  }

  /** The dead sequence that was retried as this one. */
  retryOf(sequence: number): number | undefined {
    for (const [dead, resolution] of this.#resolutions) {
      if (resolution.state === 'retried' && resolution.as === sequence) return dead;
    }
    return undefined;
  }

  /** The verdict of each sequence that has one, in no particular order. */
  entries(): Iterable<LedgerEntry> {
    return this.#bySequence.values();
  }

  /** The verdict of each sequence that has one, by rising sequence. */
  verdicts(): readonly LedgerEntry[] {
    return [...this.#bySequence.values()].sort((a, b) => a.sequence - b.sequence);
  }

  /** Number of journaled entries. */
  get length(): number {
    return this.#order.length;
  }

  get announced(): number {
    return this.#announced;
  }

  get cutAnnounced(): number {
    return this.#cutAnnounced;
  }

  /** Measured pairs by generation of the index, and what is still to be compared. */
  get generations(): Omit<
    EdgeGenerations,
    'join' | 'entered' | 'begin' | 'compared' | 'switch' | 'cancel' | 'forget' | 'inherit'
  > {
    return this.#generations;
  }

  /** Tombstones, and what is still to be deleted. */
  get erasures(): Omit<Erasures, 'bury' | 'leave' | 'deleted' | 'compacted' | 'derives'> {
    return this.#erasures;
  }

  /** Sequences of an item, ascending. */
  sequencesOf(item: string): readonly number[] {
    return this.#sequencesOf.get(item) ?? [];
  }

  get cuts(): readonly ManifestRecord[] {
    return this.#cuts;
  }

  /** Journaled entries by position. */
  slice(from: number, to: number): readonly LedgerEntry[] {
    return this.#order.slice(from, to);
  }

  /** The smallest sequence of an item: the one that stands; others are `repeat of` it. */
  leadOf(item: string): number | undefined {
    return this.#sequencesOf.get(item)?.[0];
  }

  /** The entry that stands for an item. */
  item(item: string): JudgedEntry | undefined {
    const lead = this.leadOf(item);
    const entry = lead === undefined ? undefined : this.#bySequence.get(lead);
    return entry?.type === 'judged' ? entry : undefined;
  }

  /** The items (one entry each, the leading sequence) and edges as of the first `through` journaled entries. */
  asOf(through: number): { readonly items: readonly JudgedEntry[]; readonly edges: readonly Edge[] } {
    const leads = new Map<string, JudgedEntry>();
    for (const entry of this.#order.slice(0, through)) {
      if (entry.type !== 'judged') continue;
      const lead = leads.get(entry.item);
      if (lead === undefined || entry.sequence < lead.sequence) leads.set(entry.item, entry);
    }
    const edges = [...this.#generations.edges()]
      .filter(({ from }) => from <= through)
      .map(({ edge }) => edge);
    return { items: [...leads.values()], edges };
  }

  /** Sequences from 1 to `through` without a verdict, ascending, at most `limit`. */
  missing(through: number, limit: number): { readonly count: number; readonly sequences: readonly number[] } {
    const sequences: number[] = [];
    let count = 0;
    for (let sequence = this.#completeThrough + 1; sequence <= through; sequence++) {
      if (this.#bySequence.has(sequence)) continue;
      count += 1;
      if (sequences.length < limit) sequences.push(sequence);
    }
    return { count, sequences };
  }

  counts(): VerdictCounts {
    return { ...this.#counts };
  }

  encode(codec: Codec): Uint8Array {
    return codec.encode({
      order: this.#order,
      generations: this.#generations.save(),
      erasures: this.#erasures.save(),
      resolutions: [...this.#resolutions],
      cuts: this.#cuts,
      announced: this.#announced,
      cutAnnounced: this.#cutAnnounced,
    });
  }

  static decode(codec: Codec, bytes: Uint8Array): Ledger {
    const saved = codec.decode(bytes) as {
      readonly order: readonly LedgerEntry[];
      /** Of a ledger whose index was never replayed, as it was stored once. */
      readonly edges?: SavedGenerations['edges'];
      readonly generations?: SavedGenerations;
      readonly erasures?: SavedErasures;
      readonly resolutions?: readonly (readonly [number, DeadResolution])[];
      readonly cuts: readonly ManifestRecord[];
      readonly announced: number;
      readonly cutAnnounced: number;
    };
    const ledger = new Ledger();
    if (saved.erasures !== undefined) ledger.#erasures = Erasures.restore(saved.erasures);
    for (const entry of saved.order) ledger.#enter(entry);
    const { generations = { ...UNREPLAYED, edges: saved.edges ?? [] } } = saved;
    ledger.#generations = EdgeGenerations.restore(generations);
    for (const [sequence, resolution] of saved.resolutions ?? [])
      ledger.#recounting([sequence], () => ledger.#resolutions.set(sequence, resolution));
    ledger.#cuts.push(...saved.cuts);
    ledger.#announced = saved.announced;
    ledger.#cutAnnounced = saved.cutAnnounced;
    return ledger;
  }

  #enter(came: LedgerEntry): void {
    const known = this.#bySequence.get(came.sequence);
    if (known !== undefined && (came.type === 'dead' || !isReplaceable(known))) return;
    const entry = compactCopy(came.type === 'judged' ? this.#unlessErased(came, known) : came);
    this.#order.push(entry);
    this.#accountedBytes += ENTRY_PLACES + retainedBytes(entry);
    const item = entry.type === 'dead' ? null : entry.item;
    const lead = item === null ? undefined : this.leadOf(item);
    this.#recounting(lead === undefined ? [entry.sequence] : [entry.sequence, lead], () => {
      this.#bySequence.set(entry.sequence, entry);
      if (item !== null) this.#join(item, entry.sequence);
    });
    while (this.#bySequence.has(this.#completeThrough + 1)) this.#completeThrough += 1;
  }

  #join(item: string, sequence: number): void {
    const sequences = this.#sequencesOf.get(item);
    if (sequences === undefined) {
      this.#sequencesOf.set(item, [sequence]);
      this.#accountedBytes += MAP_ENTRY_BYTES + retainedBytes([sequence]);
    } else {
      sequences.push(sequence);
      sequences.sort((a, b) => a - b);
    }
  }

  /** Keeps the counts while how these sequences ended may change. */
  #recounting(sequences: Iterable<number>, change: () => void): void {
    const distinct = new Set(sequences);
    const count = (by: number) => {
      for (const sequence of distinct) {
        const outcome = this.#countedAs(sequence);
        if (outcome !== undefined) this.#counts[outcome] += by;
      }
    };
    count(-1);
    change();
    count(1);
  }

  #countedAs(sequence: number): keyof VerdictCounts | undefined {
    const entry = this.#bySequence.get(sequence);
    if (entry === undefined) return undefined;
    if (entry.type === 'erased') return 'erased';
    if (entry.type === 'dead') return this.#resolutions.get(sequence)?.state ?? 'dead';
    return this.leadOf(entry.item) === sequence ? entry.judgement.verdict : 'repeats';
  }

  #isErased(item: string): boolean {
    return this.#erasures.tombstone(item) !== undefined;
  }

  /** A judged entry, or the name of it where its item, or the sequence as long as it was dead, is erased. */
  #unlessErased(came: JudgedEntry, known: LedgerEntry | undefined): JudgedEntry | ErasedEntry {
    const { item, facts } = came;
    if (known?.type === 'erased') this.#eraseItems([{ item, survivorOf: [] }], known.erasure);
    const tombstone = this.#erasures.tombstone(item);
    if (tombstone === undefined) return came;
    this.#erasures.leave({ item, ...(facts && { content: facts.content }) });
    return erasedEntry(came, tombstone.erasure);
  }

  #erase({ at, reason, items, sequences }: Extract<LedgerEvent, { type: 'erased' }>): void {
    const erasure: Erasure = { at, reason, manifest: this.#cuts.at(-1)?.number ?? 0 };
    const gone = new Map<LedgerEntry, ErasedEntry>();
    for (const sequence of sequences) {
      const entry = this.#bySequence.get(sequence);
      if (entry?.type !== 'dead') continue;
      this.#erasures.leave({ sequence });
      gone.set(entry, { type: 'erased', sequence, item: null, id: entry.id, erasure });
    }
    this.#replace(gone);
    this.#eraseItems(items, erasure);
  }

  /** Of each item a tombstone and, of its sequences, the names. */
  #eraseItems(items: Extract<LedgerEvent, { type: 'erased' }>['items'], erasure: Erasure): void {
    const contents = new Set<string>();
    const gone = new Map<LedgerEntry, ErasedEntry>();
    for (const { item, survivorOf } of items) {
      if (this.#isErased(item)) continue;
      this.#erasures.bury(compactCopy({ item, erasure, survivorOf }));
      this.#erasures.leave({ item });
      for (const sequence of this.sequencesOf(item)) {
        const entry = this.#bySequence.get(sequence);
        if (entry?.type !== 'judged') continue;
        if (entry.facts !== null) contents.add(entry.facts.content);
        gone.set(entry, erasedEntry(entry, erasure));
      }
    }
    for (const content of contents) this.#erasures.leave({ content });
    this.#replace(gone);
    this.#releasePending(contents);
  }

  /** Puts what is left of entries in their places, that of a dead one which was overruled long ago included. */
  #replace(gone: ReadonlyMap<LedgerEntry, ErasedEntry>): void {
    for (const [at, entry] of this.#order.entries()) {
      const left = gone.get(entry);
      if (left === undefined) continue;
      const kept = compactCopy(left);
      this.#order[at] = kept;
      this.#recounting([kept.sequence], () => this.#bySequence.set(kept.sequence, kept));
      this.#accountedBytes += retainedBytes(kept) - retainedBytes(entry);
    }
  }

  /** Contents that were still to be compared anew: for another item that has them, or not at all. */
  #releasePending(contents: ReadonlySet<string>): void {
    const pending = new Set([...contents].filter((content) => this.#generations.pending.has(content)));
    if (pending.size === 0) return;
    const heirs = new Map<string, number>();
    for (const [content, sequence] of this.#comparedContents()) {
      if (pending.has(content)) heirs.set(content, sequence);
    }
    for (const content of pending) this.#generations.inherit(content, heirs.get(content));
  }

  /** Pairs of contents that no item has any more are gone. */
  #forgetContents(contents: ReadonlySet<string>): void {
    const inUse = itemsByContent(this, contents);
    this.#generations.forget(new Set([...contents].filter((content) => !inUse.has(content))));
  }

  /** Contents that are found by something, each with the sequence that leads it. */
  *#comparedContents(): Generator<readonly [string, number]> {
    for (const entry of this.#bySequence.values()) {
      if (isCompared(entry)) yield [entry.facts.content, entry.sequence];
    }
  }
}

const UNREPLAYED = { current: 1, next: null, pending: [], compared: [], failures: [], history: [] } as const;

/** Whether a verdict other than dead says more than this entry does. */
function isReplaceable(entry: LedgerEntry): boolean {
  return entry.type === 'dead' || (entry.type === 'erased' && entry.item === null);
}

function erasedEntry({ sequence, item, id }: JudgedEntry, erasure: Erasure): ErasedEntry {
  return { type: 'erased', sequence, item, id, erasure };
}

/** Whether an entry's content is found by anything, so that it is claimed. */
function isCompared(entry: LedgerEntry): entry is JudgedEntry & { readonly facts: ContentFacts } {
  return entry.type === 'judged' && entry.facts !== null && !entry.facts.lowInformation;
}

/** An entry's place in the order and in the map by sequence. */
const ENTRY_PLACES = 8 + MAP_ENTRY_BYTES;
