// What the ledger knows of erasures: a tombstone for each erased item, and what is still to be deleted of the items.
// Part of the ledger's state: events change it, and applying one twice changes nothing.
import { MAP_ENTRY_BYTES, retainedBytes } from '#runtime';

/** When and why something was erased. */
export interface Erasure {
  readonly at: string;
  /** As given by whoever asked for it. */
  readonly reason: string | null;
  /** Number of the newest manifest then, 0 for none: that one and older ones may show the item. */
  readonly manifest: number;
}

/** A sequence of an erased item: its name is all that is left. */
export interface ErasedEntry {
  readonly type: 'erased';
  readonly sequence: number;
  /** Null for one that had died. */
  readonly item: string | null;
  readonly id: string | null;
  readonly erasure: Erasure;
}

/** An erased item. */
export interface Tombstone {
  readonly item: string;
  readonly erasure: Erasure;
  /** Items whose survivor it was in the newest manifest then. */
  readonly survivorOf: readonly string[];
}

/** What is still to be deleted: payloads of items, letters of dead sequences, contents that nobody else has. */
export interface ToDelete {
  readonly items: readonly string[];
  readonly sequences: readonly number[];
  readonly contents: readonly string[];
}

/** What was ever derived of contents here: it names their copies. */
export interface DerivedNames {
  /** Beginnings of the names of vectors: the content follows. */
  readonly vectors: readonly string[];
  /** Specifications of the copies for models. */
  readonly proxies: readonly string[];
}

/** As stored in a snapshot. */
export interface SavedErasures {
  readonly tombstones: readonly Tombstone[];
  readonly open: ToDelete;
  readonly derived: DerivedNames;
  readonly isCompacted: boolean;
}

export class Erasures {
  readonly #tombstones = new Map<string, Tombstone>();
  readonly #items = new Set<string>();
  readonly #sequences = new Set<number>();
  readonly #contents = new Set<string>();
  readonly #vectors = new Set<string>();
  readonly #proxies = new Set<string>();
  #isCompacted = true;
  #bytes = 0;

  /** Bytes of memory that the tombstones hold. */
  get accountedBytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#tombstones.size;
  }

  tombstone(item: string): Tombstone | undefined {
    return this.#tombstones.get(item);
  }

  /** The erased items whose duplicate or companion an item was when they were erased, the newest first. */
  survivorsLostBy(item: string): readonly Tombstone[] {
    return [...this.#tombstones.values()].filter(({ survivorOf }) => survivorOf.includes(item)).reverse();
  }

  get open(): ToDelete {
    return { items: [...this.#items], sequences: [...this.#sequences], contents: [...this.#contents] };
  }

  /** Whether nothing is left to be deleted, the journal's own traces included. */
  get isSettled(): boolean {
    return this.#isCompacted && this.#items.size + this.#sequences.size + this.#contents.size === 0;
  }

  get derived(): DerivedNames {
    return { vectors: [...this.#vectors], proxies: [...this.#proxies] };
  }

  /** An item is erased; the first time counts. */
  bury(tombstone: Tombstone): void {
    if (this.#tombstones.has(tombstone.item)) return;
    this.#tombstones.set(tombstone.item, tombstone);
    this.#bytes += MAP_ENTRY_BYTES + retainedBytes(tombstone);
  }

  /** Something of an erased item is, or may be, stored. */
  leave(left: { readonly item?: string; readonly sequence?: number; readonly content?: string }): void {
    if (left.item !== undefined) this.#items.add(left.item);
    if (left.sequence !== undefined) this.#sequences.add(left.sequence);
    if (left.content !== undefined) this.#contents.add(left.content);
    this.#isCompacted = false;
  }

  /** It is deleted, or others need it. */
  deleted({ items, sequences, contents }: ToDelete): void {
    for (const item of items) this.#items.delete(item);
    for (const sequence of sequences) this.#sequences.delete(sequence);
    for (const content of contents) this.#contents.delete(content);
  }

  /** The journal holds nothing of what was deleted up to now. */
  compacted(): void {
    this.#isCompacted = this.#items.size + this.#sequences.size + this.#contents.size === 0;
  }

  derives({ vectors, proxies }: DerivedNames): void {
    for (const prefix of vectors) this.#vectors.add(prefix);
    for (const specification of proxies) this.#proxies.add(specification);
  }

  save(): SavedErasures {
    return {
      tombstones: [...this.#tombstones.values()],
      open: this.open,
      derived: this.derived,
      isCompacted: this.#isCompacted,
    };
  }

  static restore({ tombstones, open, derived, isCompacted }: SavedErasures): Erasures {
    const erasures = new Erasures();
    for (const tombstone of tombstones) erasures.bury(tombstone);
    for (const item of open.items) erasures.#items.add(item);
    for (const sequence of open.sequences) erasures.#sequences.add(sequence);
    for (const content of open.contents) erasures.#contents.add(content);
    erasures.derives(derived);
    erasures.#isCompacted = isCompacted;
    return erasures;
  }
}
