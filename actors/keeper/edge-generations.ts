// The measured pairs of a ledger by generation of the index, and how far the contents are compared in the one that is
// being made. Part of the ledger's state: events change it, and applying one twice changes nothing.
import { compactCopy, MAP_ENTRY_BYTES, retainedBytes } from '#runtime';
import type { Edge } from '../kinds/kind.ts';

/** A generation that was begun: when, under which deciding configuration, and since when it is the present one. */
export interface GenerationRecord {
  readonly generation: number;
  /** Digest of the deciding configuration, 64 hex. */
  readonly config: string;
  readonly begunAt: string;
  /** Null while contents are still being compared, or for one that was given up. */
  readonly switchedAt: string | null;
}

/** A content that was compared anew; `failure` says why that was not possible. */
export interface ComparedContent {
  readonly content: string;
  readonly failure: string | null;
}

interface PlacedEdge {
  readonly edge: Edge;
  /** Journaled entries when it was found: it belongs to what was known from then on. */
  readonly from: number;
}

/** As stored in a snapshot. */
export interface SavedGenerations {
  readonly current: number;
  readonly edges: readonly PlacedEdge[];
  readonly next: { readonly generation: number; readonly edges: readonly PlacedEdge[] } | null;
  readonly pending: readonly (readonly [string, number])[];
  readonly compared: readonly string[];
  readonly failures: readonly (readonly [string, string])[];
  readonly history: readonly GenerationRecord[];
}

export class EdgeGenerations {
  #current = 1;
  #edges = new Map<string, PlacedEdge>();
  #next: { readonly generation: number; readonly edges: Map<string, PlacedEdge> } | undefined;
  /** Contents that are still to be compared in the newest generation, and the sequence that leads each. */
  readonly #pending = new Map<string, number>();
  /** Contents that were, while some are not. */
  readonly #compared = new Set<string>();
  /** Contents that could not be, and why. */
  readonly #failures = new Map<string, string>();
  readonly #history: GenerationRecord[] = [];
  #bytes = 0;

  /** Bytes of memory that the edges hold, with their places in the map. */
  get accountedBytes(): number {
    return this.#bytes;
  }

  /** The generation whose edges count. */
  get current(): number {
    return this.#current;
  }

  /** The generation that is being made, if one is. */
  get next(): number | undefined {
    return this.#next?.generation;
  }

  /** Contents still to be compared in the newest generation, by the sequence that leads each. */
  get pending(): ReadonlyMap<string, number> {
    return this.#pending;
  }

  get failures(): ReadonlyMap<string, string> {
    return this.#failures;
  }

  get history(): readonly GenerationRecord[] {
    return this.#history;
  }

  /** Edges that count. */
  edges(): Iterable<PlacedEdge> {
    return this.#edges.values();
  }

  /** Edges that the items of `generation` brought along; those of an older one were found under other rules. */
  join(edges: readonly Edge[], generation: number, from: number): void {
    if (generation === this.#current) for (const edge of edges) this.#put(this.#edges, edge, from);
    if (generation === this.#next?.generation) {
      for (const edge of edges) this.#put(this.#next.edges, edge, from);
    }
  }

  /** An item with this content has come, claimed in `generation`. */
  entered(content: string, sequence: number, generation: number): void {
    const newest = this.#next?.generation ?? this.#current;
    if (generation >= newest || this.#compared.has(content) || this.#pending.has(content)) return;
    this.#pending.set(content, sequence);
  }

  /** A generation is begun: all of these contents are to be compared in it. One that was being made is given up. */
  begin(begun: Omit<GenerationRecord, 'switchedAt'>, contents: Iterable<readonly [string, number]>): void {
    if (begun.generation <= (this.#next?.generation ?? this.#current)) return;
    this.#giveUp();
    this.#next = { generation: begun.generation, edges: new Map() };
    this.#history.push({ ...begun, switchedAt: null });
    this.#pending.clear();
    this.#compared.clear();
    this.#failures.clear();
    for (const [content, sequence] of contents) {
      if (!this.#pending.has(content)) this.#pending.set(content, sequence);
    }
  }

  /** Contents were compared in `generation`. */
  compared(generation: number, contents: readonly ComparedContent[], edges: readonly Edge[]): void {
    if (generation !== (this.#next?.generation ?? this.#current)) return;
    this.join(edges, generation, 0);
    for (const { content, failure } of contents) {
      this.#pending.delete(content);
      this.#compared.add(content);
      if (failure !== null) this.#failures.set(content, failure);
    }
    this.#forgetCompared();
  }

  /** The generation that was being made is the present one. */
  switch(generation: number, switchedAt: string): void {
    if (this.#next?.generation !== generation) return;
    for (const placed of this.#edges.values()) this.#account(placed.edge, placed, -1);
    this.#edges = this.#next.edges;
    this.#next = undefined;
    this.#current = generation;
    const at = this.#history.findIndex((record) => record.generation === generation);
    const begun = this.#history[at];
    if (begun !== undefined) this.#history[at] = { ...begun, switchedAt };
    this.#forgetCompared();
  }

  /** The generation that was being made is given up. */
  cancel(generation: number): void {
    if (this.#next?.generation !== generation) return;
    this.#giveUp();
    this.#next = undefined;
    this.#pending.clear();
    this.#compared.clear();
    this.#failures.clear();
  }

  /** The item that led a content still to be compared is erased: another one leads it, or it is not compared. */
  inherit(content: string, sequence: number | undefined): void {
    if (sequence === undefined) this.#pending.delete(content);
    else this.#pending.set(content, sequence);
  }

  /** Contents are gone: so is every pair that they are in. */
  forget(contents: ReadonlySet<string>): void {
    if (contents.size === 0) return;
    for (const edges of [this.#edges, this.#next?.edges ?? new Map<string, PlacedEdge>()]) {
      for (const [key, placed] of edges) {
        if (!contents.has(placed.edge.a) && !contents.has(placed.edge.b)) continue;
        edges.delete(key);
        this.#account(placed.edge, placed, -1);
      }
    }
    for (const content of contents) {
      this.#pending.delete(content);
      this.#compared.delete(content);
      this.#failures.delete(content);
    }
    this.#forgetCompared();
  }

  save(): SavedGenerations {
    return {
      current: this.#current,
      edges: [...this.#edges.values()],
      next: this.#next ? { generation: this.#next.generation, edges: [...this.#next.edges.values()] } : null,
      pending: [...this.#pending],
      compared: [...this.#compared],
      failures: [...this.#failures],
      history: this.#history,
    };
  }

  static restore(saved: SavedGenerations): EdgeGenerations {
    const generations = new EdgeGenerations();
    generations.#current = saved.current;
    for (const { edge, from } of saved.edges) generations.#put(generations.#edges, edge, from);
    if (saved.next !== null) {
      const edges = new Map<string, PlacedEdge>();
      for (const { edge, from } of saved.next.edges) generations.#put(edges, edge, from);
      generations.#next = { generation: saved.next.generation, edges };
    }
    for (const [content, sequence] of saved.pending) generations.#pending.set(content, sequence);
    for (const content of saved.compared) generations.#compared.add(content);
    for (const [content, failure] of saved.failures) generations.#failures.set(content, failure);
    generations.#history.push(...saved.history);
    return generations;
  }

  /** Edges merge as a set: the first proof of a pair stands, since every claim of a generation derives the same one. */
  #put(edges: Map<string, PlacedEdge>, edge: Edge, from: number): void {
    const key = keyOf(edge);
    if (edges.has(key)) return;
    const placed = compactCopy({ edge, from });
    edges.set(key, placed);
    this.#account(edge, placed, 1);
  }

  #account(edge: Edge, placed: PlacedEdge, sign: 1 | -1): void {
    this.#bytes += sign * (MAP_ENTRY_BYTES + retainedBytes(keyOf(edge)) + retainedBytes(placed));
  }

  #giveUp(): void {
    for (const placed of this.#next?.edges.values() ?? []) this.#account(placed.edge, placed, -1);
  }

  #forgetCompared(): void {
    if (this.#next === undefined && this.#pending.size === 0) this.#compared.clear();
  }
}

function keyOf({ a, b, against = '' }: Edge): string {
  return `${a}${b}${against}`;
}
