// Cuts manifests from the ledger, makes them known, and derives them again: rows from judgements and edges, an envelope in
// content-addressed parts, one journaled event, then the pointer and the outcomes.
import type { DatasetPorts } from '../pipeline/dataset-ports.ts';
import { blobKeys, type Payload, payloadSchema } from '../pipeline/messages.ts';
import { judge, judgeRefusal } from '../rules/judge.ts';
import type { JudgingContext } from '../rules/judging-context.ts';
import { type CutItem, conflictingIds, deriveRows } from './cut.ts';
import type { CutAnswer, DeriveAnswer } from './keeper-messages.ts';
import type { Ledger } from './ledger.ts';
import { erasedSince } from './ledger-contents.ts';
import type { JudgedEntry, LedgerEvent } from './ledger-events.ts';
import {
  countOutcomes,
  type ManifestEnvelope,
  type ManifestRecord,
  type ManifestRow,
  manifestDigest,
} from './manifest.ts';
import { ManifestStore } from './manifest-store.ts';
import { cutOutcome, publish } from './outcomes.ts';
import { RequestRefused } from './request-refused.ts';

export interface CutsOptions {
  readonly ports: DatasetPorts;
  readonly judging: JudgingContext;
  readonly ledger: () => Ledger;
  readonly persist: (events: readonly LedgerEvent[]) => Promise<void>;
}

export class Cuts {
  readonly #options: CutsOptions;
  readonly #manifests: ManifestStore;

  constructor(options: CutsOptions) {
    const { dataset, manifests: blobs, heads } = options.ports;
    this.#options = options;
    this.#manifests = new ManifestStore({ dataset, blobs, heads });
  }

  get #ports(): DatasetPorts {
    return this.#options.ports;
  }

  get #ledger(): Ledger {
    return this.#options.ledger();
  }

  /** Cuts what the ledger held after so many entries; the same manifest as the last one is none. */
  async cut(throughEntry: number): Promise<CutAnswer> {
    const beganMs = this.#ports.clock.wallMs();
    const { rows, items } = await this.#rowsAsOf(throughEntry);
    const { root, digest } = manifestDigest(rows, this.#options.judging.configDigest);
    const parent = this.#ledger.cuts.at(-1);
    if (parent !== undefined && parent.digest === digest) return { manifest: parent, unchanged: true };
    const { dead, repeats, retried, purged, erased } = this.#ledger.counts();
    const envelope: ManifestEnvelope = {
      format: 'troupe-manifest/1',
      dataset: this.#ports.dataset,
      number: (parent?.number ?? 0) + 1,
      digest,
      root,
      configDigest: this.#options.judging.configDigest,
      deciding: this.#options.judging.deciding,
      parent: parent === undefined ? null : { number: parent.number, digest: parent.digest },
      rows: rows.length,
      counts: countOutcomes(rows),
      chunks: await this.#manifests.putChunks(rows),
      throughEntry,
      outside: { dead, repeats, retried, purged, erased },
      findings: [...conflictingIds(items)],
      createdAt: new Date(this.#ports.clock.wallMs()).toISOString(),
    };
    const manifest: ManifestRecord = {
      number: envelope.number,
      digest,
      envelope: await this.#manifests.putEnvelope(envelope),
      throughEntry,
      rows: rows.length,
      counts: envelope.counts,
      createdAt: envelope.createdAt,
    };
    await this.#options.persist([{ type: 'cut', manifest }]);
    this.#ports.faults.reach('keep.cut');
    this.#ports.meter.published(manifest);
    this.#ports.tracer.cut(manifest.number, beganMs);
    await this.announce();
    return { manifest, unchanged: false };
  }

  /** Publishes the newest manifest's pointer and outcomes unless the journal says that both are out. */
  async announce(): Promise<void> {
    const manifest = this.#ledger.cuts.at(-1);
    if (manifest === undefined || this.#ledger.cutAnnounced >= manifest.number) return;
    await this.#manifests.publish(manifest);
    const before = this.#ledger.cuts.at(-2);
    const rowsBefore = before && (await this.#manifests.rowsByItem(await this.#manifests.envelope(before)));
    const rows = await this.#manifests.rowsByItem(await this.#manifests.envelope(manifest));
    const published: Promise<void>[] = [];
    for (const row of rows.values()) {
      const entry = this.#ledger.item(row.item);
      const outcome = cutOutcome(this.#ports.dataset, manifest.number, row, rowsBefore?.get(row.item), {
        sequence: entry?.sequence ?? 0,
        verdict: entry?.judgement.verdict,
        survivorId: row.survivor === null ? undefined : rows.get(row.survivor)?.id,
      });
      if (outcome !== undefined) published.push(publish(this.#ports, outcome, `m.${manifest.number}`));
    }
    await Promise.all(published);
    await this.#options.persist([{ type: 'cut_announced', number: manifest.number }]);
  }

  /** The digest that the ledger gives for a manifest now. @throws RequestRefused */
  async derive(number: number): Promise<DeriveAnswer> {
    const manifest = this.#ledger.cuts.find((cut) => cut.number === number);
    if (manifest === undefined)
      throw new RequestRefused(`manifest ${number} is not in the ledger of ${this.#ports.dataset}`);
    const erased = erasedSince(this.#ledger, manifest);
    if (erased > 0) return { digest: null, erased };
    const envelope = await this.#manifests.envelope(manifest);
    if (envelope.configDigest !== this.#options.judging.configDigest) {
      throw new RequestRefused(
        `manifest ${number} was cut under configuration ${envelope.configDigest.slice(0, 12)}; ` +
          `this node has ${this.#options.judging.configDigest.slice(0, 12)} and cannot derive it again`,
      );
    }
    const { rows } = await this.#rowsAsOf(manifest.throughEntry);
    return { digest: manifestDigest(rows, this.#options.judging.configDigest).digest, erased };
  }

  async #rowsAsOf(
    throughEntry: number,
  ): Promise<{ rows: readonly ManifestRow[]; items: readonly CutItem[] }> {
    const view = this.#ledger.asOf(throughEntry);
    const items: CutItem[] = [];
    for (const entry of view.items) items.push({ entry, judgement: await this.#judgementOf(entry) });
    return { rows: deriveRows(items, view.edges, this.#options.judging), items };
  }

  /** The entry's own judgement, or a new one when it was judged under another configuration. */
  async #judgementOf(entry: JudgedEntry): Promise<JudgedEntry['judgement']> {
    if (entry.config === this.#options.judging.configDigest) return entry.judgement;
    const payload = await storedPayload(this.#ports, entry.item);
    if (payload === null) return entry.judgement;
    // What was refused has no content to judge: it may be refused for another reason, but stays refused.
    if (entry.facts === null) return judgeRefusal(payload, this.#options.judging) ?? entry.judgement;
    const { source, time, metadata } = payload;
    return judge({ source, time, metadata, facts: entry.facts }, this.#options.judging);
  }

  /** Of the newest manifest; none where nothing was cut. */
  async newestRows(): Promise<ReadonlyMap<string, ManifestRow>> {
    const newest = this.#ledger.cuts.at(-1);
    if (newest === undefined) return new Map();
    return this.#manifests.rowsByItem(await this.#manifests.envelope(newest));
  }
}

/** What a publisher gave with an item; null where it is gone. */
export async function storedPayload(
  { blobs, codec }: Pick<DatasetPorts, 'blobs' | 'codec'>,
  item: string,
): Promise<Payload | null> {
  const bytes = await blobs.get(blobKeys.payload(item));
  return bytes === undefined ? null : payloadSchema.parse(codec.decode(bytes));
}
