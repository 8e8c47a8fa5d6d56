// What a report shows, as data: gathered from a running system by `gather-report.ts`, drawn by `render-report.ts`.
import type { DeadSequence, ManifestEnvelope, ManifestRow, RepeatedSequence } from '#actors';

/** One item as it is shown. */
export interface ReportItem {
  readonly row: ManifestRow;
  /** WebP as a `data:` URI, or null when nothing of the picture is stored. */
  readonly thumbnail: string | null;
  readonly width: number | null;
  readonly height: number | null;
  readonly byteLength: number | null;
  readonly mediaType: string | null;
  /** As published; null when erased. */
  readonly source: string | null;
  readonly time: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Keep-best criteria, larger is better, lexicographic. */
  readonly rank: readonly number[];
}

/** A survivor and those that are related to it directly. */
export interface ReportStar {
  readonly survivor: ReportItem;
  /** Closest first; not more than the report shows. */
  readonly members: readonly ReportItem[];
  readonly membersLeftOut: number;
}

/** Stars that belong together: one, or several of a family that only chains. */
export interface ReportGroup {
  readonly items: number;
  readonly stars: readonly ReportStar[];
  readonly isFamily: boolean;
}

/** Items with the same reasons. */
export interface ReasonShare {
  readonly reasons: readonly string[];
  readonly count: number;
  readonly sample: readonly ReportItem[];
}

/** A part of everything that was published. */
export interface AccountLine {
  readonly name: AccountName;
  readonly count: number;
}

export const ACCOUNT_NAMES = [
  'kept',
  'duplicate',
  'rejected',
  'review',
  'dead',
  'repeats',
  'retried',
  'purged',
  'erased',
  'later',
  'open',
] as const;
export type AccountName = (typeof ACCOUNT_NAMES)[number];

/** Where every published sequence is. */
export interface Account {
  readonly published: number;
  readonly lines: readonly AccountLine[];
  /** Whether the lines add up to `published`. */
  readonly isBalanced: boolean;
}

export interface ReportModel {
  readonly dataset: string;
  readonly envelope: ManifestEnvelope;
  readonly isHead: boolean;
  readonly account: Account;
  readonly groups: {
    /** Largest first. */
    readonly shown: readonly ReportGroup[];
    readonly total: number;
    readonly leftOut: number;
    readonly itemsLeftOut: number;
  };
  /** Some of the kept items that stand alone. */
  readonly keptSample: readonly ReportItem[];
  readonly rejected: readonly ReasonShare[];
  readonly review: readonly ReasonShare[];
  readonly dead: {
    readonly byReason: Readonly<Record<string, number>>;
    readonly listed: readonly (DeadSequence & { readonly error: string | null })[];
  };
  readonly repeats: readonly RepeatedSequence[];
  readonly generatedAt: string;
  /** Version of this program. */
  readonly version: string;
}
