// A node's part in agreeing on the version of the message format: it tells the node what to write, and takes the next
// step of a change when one is due. Any node may, by compare-and-set; without any of them the version stays as it is.
import { nextAgreement } from '#supervision';
import type { SharedRecords } from '../ports.ts';
import type { ClusterView } from './cluster-view.ts';
import { CODEC_KEY } from './codec-record.ts';
import { encodeRecord } from './node-record.ts';

/** The part of one node. */
export class CodecVote {
  readonly #view: ClusterView;
  readonly #nodes: SharedRecords;
  readonly #writes: (version: number) => void;
  #written: number | undefined;

  constructor(options: {
    readonly view: ClusterView;
    readonly nodes: SharedRecords;
    /** Told the version to write, whenever it changes. */
    readonly writes: (version: number) => void;
  }) {
    this.#view = options.view;
    this.#nodes = options.nodes;
    this.#writes = options.writes;
  }

  /** Follows what is agreed on, as the view shows it. */
  follow(): void {
    const { version } = this.#view.codec.record;
    if (version === this.#written) return;
    this.#written = version;
    this.#writes(version);
  }

  /** Takes the next step of a change, if one is due by the view; it counts once a later look shows it. */
  async step(): Promise<void> {
    const { record, revision } = this.#view.codec;
    const next = nextAgreement(
      record,
      this.#view.present().map(({ codec }) => codec),
    );
    if (next !== undefined) await this.#nodes.compareAndSet(CODEC_KEY, encodeRecord(next), revision);
  }
}
