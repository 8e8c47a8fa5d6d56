// Records in memory, changed by compare-and-set as the durable ones are.
import type { RecordChange, SharedRecords } from '../ports.ts';

/** Records in memory; revisions grow over all keys. */
export class MemoryRecords implements SharedRecords {
  readonly #records = new Map<string, { readonly value: Uint8Array; readonly revision: number }>();
  readonly #trace: string[] | undefined;
  #revision = 0;

  /** `trace` gets a line for each change. */
  constructor(trace?: string[]) {
    this.#trace = trace;
  }

  async get(key: string): Promise<{ readonly value: Uint8Array; readonly revision: number } | undefined> {
    return this.#records.get(key);
  }

  async compareAndSet(key: string, value: Uint8Array, revision: number): Promise<number | undefined> {
    if ((this.#records.get(key)?.revision ?? 0) !== revision) return undefined;
    this.#revision += 1;
    this.#records.set(key, { value: Uint8Array.from(value), revision: this.#revision });
    this.#trace?.push(`record ${key}`);
    return this.#revision;
  }

  async delete(key: string): Promise<void> {
    this.#records.delete(key);
    this.#trace?.push(`forget ${key}`);
  }

  async deleteAt(key: string, revision: number): Promise<boolean> {
    if (this.#records.get(key)?.revision !== revision) return false;
    await this.delete(key);
    return true;
  }

  async keys(): Promise<readonly string[]> {
    return [...this.#records.keys()];
  }

  async changes(after: number): Promise<readonly RecordChange[]> {
    const changed = [...this.#records].filter(([, { revision }]) => revision > after);
    return changed.map(([key, record]) => ({ key, ...record })).sort((a, b) => a.revision - b.revision);
  }

  /** A record's value as text. */
  text(key: string): string | undefined {
    const record = this.#records.get(key);
    return record && Buffer.from(record.value).toString();
  }
}
