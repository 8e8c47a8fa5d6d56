// The step between two versions of the message format, at the moment at which an older program joins.
import { describe, expect, it } from 'vitest';
import { ManualClock, MemoryRecords } from '#testkit';
import { ClusterView } from '../../../runtime/cluster/cluster-view.ts';
import { CodecVote } from '../../../runtime/cluster/codec-vote.ts';
import { encodeRecord, nodeKey } from '../../../runtime/cluster/node-record.ts';
import { mayTakePart } from '../../../supervision/codec-agreement.ts';

/** One node: it votes by a view of its own, and joins as nodes do: its record first, then what is agreed on. */
class Voter {
  readonly range: { readonly lowest: number; readonly highest: number };
  readonly #name: string;
  readonly #nodes: MemoryRecords;
  readonly #view: ClusterView;
  readonly #vote: CodecVote;
  writes = 0;

  constructor(nodes: MemoryRecords, name: string, highest: number) {
    this.range = { lowest: 1, highest };
    this.#name = name;
    this.#nodes = nodes;
    this.#view = new ClusterView({ nodes, shards: new MemoryRecords(), clock: new ManualClock() });
    this.#vote = new CodecVote({
      view: this.#view,
      nodes,
      writes: (version) => {
        this.writes = version;
      },
    });
  }

  /** Whether it was let in. */
  async joins(): Promise<boolean> {
    await this.#record('joining');
    await this.looks();
    if (mayTakePart(this.#view.codec.record, this.range)) return true;
    await this.#record('left');
    return false;
  }

  async looks(): Promise<void> {
    await this.#view.refresh();
    this.#vote.follow();
  }

  steps(): Promise<void> {
    return this.#vote.step();
  }

  async #record(state: 'joining' | 'left'): Promise<void> {
    const { range: codec } = this;
    const record = {
      name: this.#name,
      incarnation: '1',
      version: '1',
      codec,
      weight: 1,
      leaseMs: 1_000,
      state,
      started: '',
    };
    const before = await this.#nodes.get(nodeKey(this.#name));
    await this.#nodes.compareAndSet(nodeKey(this.#name), encodeRecord(record), before?.revision ?? 0);
  }
}

async function newer() {
  const nodes = new MemoryRecords();
  const voter = new Voter(nodes, 'newer', 2);
  await voter.joins();
  return { nodes, voter };
}

describe('a node that goes over to a newer message format', () => {
  it('does not write it when an older program joined after it had looked and before it announced that', async () => {
    const { nodes, voter } = await newer();
    const older = new Voter(nodes, 'older', 1);
    expect(await older.joins()).toBe(true);
    await voter.steps();
    for (let look = 0; look < 4; look += 1) {
      await voter.looks();
      expect(voter.writes).toBe(1);
      await voter.steps();
    }
  });

  it('writes it although an older program tried to join after it had announced that', async () => {
    const { nodes, voter } = await newer();
    await voter.steps();
    const older = new Voter(nodes, 'older', 1);
    expect(await older.joins()).toBe(false);
    await voter.looks();
    expect(voter.writes).toBe(1);
    await voter.steps();
    await voter.looks();
    expect(voter.writes).toBe(2);
  });
});
