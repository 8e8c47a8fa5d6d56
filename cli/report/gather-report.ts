// Gathers what a report shows: the manifest's rows, what the ledger knows of the items shown, what publishers gave,
// thumbnails, and the account of everything published. Reads only; memory is bounded by what is shown.
import {
  blobKeys,
  type JudgedEntry,
  MAX_ASKED,
  type ManifestRow,
  type OutsideSummary,
  type Payload,
  payloadSchema,
} from '#actors';
import type { ClientSystem } from '../node/client-system.ts';
import { DeadLetters, deadLetter } from '../node/dead-letters.ts';
import type { FoundManifest } from '../node/find-manifest.ts';
import { messageCodec } from '../node/message-codec.ts';
import { accountOf, readStanding } from './account.ts';
import { type ChosenReason, type ChosenRows, chooseRows, type ReportLimits } from './choose-rows.ts';
import type { ReasonShare, ReportGroup, ReportItem, ReportModel } from './report-model.ts';
import { Thumbnails } from './thumbnails.ts';

/** Dead sequences and repeats that are listed by name. */
const MAX_LISTED = 200;
/** Bytes of dead letters that are read for their errors. */
const MAX_LETTER_BYTES = 64 * 1024 * 1024;
/** Pictures drawn at once. */
const PARALLEL = 4;

export interface GatherOptions {
  readonly system: ClientSystem;
  readonly dataset: string;
  readonly manifest: FoundManifest;
  readonly limits: ReportLimits;
  /** Version of this program, and the time. */
  readonly version: string;
  readonly generatedAt: string;
  readonly onProgress?: (done: number, total: number) => void;
}

export async function gatherReport(options: GatherOptions): Promise<ReportModel> {
  const { system, dataset, manifest, limits } = options;
  const { envelope, store } = manifest;
  const chosen = await chooseRows(() => store.rows(envelope), limits);
  const items = await gatherItems(options, rowsOf(chosen));
  const { outside } = await system.keeper(dataset).outside(MAX_LISTED, envelope.number);
  const groups = chosen.groups.map(
    (group): ReportGroup => ({
      ...group,
      stars: group.stars.map((star) => ({
        ...star,
        survivor: items(star.survivor),
        members: star.members.map(items),
      })),
    }),
  );
  const shares = (all: readonly ChosenReason[]) =>
    all.map((share): ReasonShare => ({ ...share, sample: share.sample.map(items) }));
  const grouped = groups.reduce((sum, group) => sum + group.items, 0);
  return {
    dataset,
    envelope,
    isHead: (await store.head()) === envelope.number,
    account: accountOf(await readStanding(system, dataset), envelope.counts, outside.erasedSince),
    groups: {
      shown: groups,
      total: chosen.groupsTotal,
      leftOut: chosen.groupsTotal - groups.length,
      itemsLeftOut: chosen.groupedItems - grouped,
    },
    keptSample: chosen.keptSample.map(items),
    rejected: shares(chosen.rejected),
    review: shares(chosen.review),
    dead: {
      byReason: outside.deadByReason,
      listed: await withErrors(new DeadLetters({ system, dataset }), outside.dead),
    },
    repeats: outside.repeats,
    generatedAt: options.generatedAt,
    version: options.version,
  };
}

/** Every row that is shown, once. */
function rowsOf({ groups, keptSample, rejected, review }: ChosenRows): readonly ManifestRow[] {
  const stars = groups.flatMap((group) => group.stars);
  const rows = [
    ...stars.flatMap(({ survivor, members }) => [survivor, ...members]),
    ...keptSample,
    ...[...rejected, ...review].flatMap(({ sample }) => sample),
  ];
  return [...new Map(rows.map((row) => [row.item, row])).values()];
}

/** Looks up everything about the rows; the result maps each of them to what is shown of it. */
async function gatherItems(
  options: GatherOptions,
  rows: readonly ManifestRow[],
): Promise<(row: ManifestRow) => ReportItem> {
  const { system, dataset } = options;
  const entries = new Map<string, JudgedEntry>();
  for (let at = 0; at < rows.length; at += MAX_ASKED) {
    const asked = rows.slice(at, at + MAX_ASKED).map(({ item }) => item);
    const answer = await system.keeper(dataset).items(asked);
    for (const entry of answer.entries) entries.set(entry.item, entry);
  }
  const thumbnails = new Thumbnails(system, dataset);
  const shown = new Map<string, ReportItem>();
  const queue = rows.values();
  const work = async (): Promise<void> => {
    for (const row of queue) {
      const payload = await payloadOf(system, dataset, row.item);
      shown.set(row.item, await itemOf(row, entries.get(row.item), payload, thumbnails));
      options.onProgress?.(shown.size, rows.length);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  return (row) => {
    const item = shown.get(row.item);
    if (item === undefined) throw new Error(`the item ${row.item} was not looked up`);
    return item;
  };
}

async function itemOf(
  row: ManifestRow,
  entry: JudgedEntry | undefined,
  payload: Payload | null,
  thumbnails: Thumbnails,
): Promise<ReportItem> {
  const signals = entry?.facts?.signals;
  const width = sideOf(signals?.width);
  const height = sideOf(signals?.height);
  const { content } = row;
  const location = payload?.location ?? null;
  return {
    row,
    thumbnail: content === null ? null : await thumbnails.of({ content, location, width, height }),
    width,
    height,
    byteLength: entry?.facts?.byteLength ?? null,
    mediaType: entry?.facts?.mediaType ?? null,
    source: payload?.source ?? null,
    time: payload?.time ?? null,
    metadata: payload?.metadata ?? {},
    rank: entry?.judgement.rank ?? [],
  };
}

function sideOf(signal: unknown): number | null {
  return typeof signal === 'number' && signal > 0 ? signal : null;
}

async function payloadOf(system: ClientSystem, dataset: string, item: string): Promise<Payload | null> {
  const bytes = await system.blobs(dataset).get(blobKeys.payload(item));
  return bytes === undefined ? null : payloadSchema.parse(messageCodec.decode(bytes));
}

/** The dead sequences with the last error of each whose letter is read. */
async function withErrors(
  letters: DeadLetters,
  dead: OutsideSummary['dead'],
): Promise<ReportModel['dead']['listed']> {
  const wanted = new Set(dead.map(({ sequence }) => sequence));
  const errors = new Map<number, string>();
  let bytes = 0;
  for await (const message of letters.read()) {
    const { sequence, error, bytes: length } = deadLetter(message);
    if (wanted.has(sequence)) errors.set(sequence, error);
    bytes += length;
    if (errors.size === wanted.size || bytes > MAX_LETTER_BYTES) break;
  }
  return dead.map((each) => ({ ...each, error: errors.get(each.sequence) ?? null }));
}
