// Why a node may not join a system, or must stop itself. Each says what was found and what is expected.
import type { CodecAgreement } from '#supervision';
import type { CodecRange } from './node-record.ts';

/** The node's own lease has run out: others may have taken its shards, so it neither answers nor writes any more. */
export class NodeLeaseLost extends Error {
  override readonly name = 'NodeLeaseLost';
  readonly code = 'node_lease_lost';

  constructor(node: string, silentMs: number, leaseMs: number) {
    super(
      `node ${node} has not renewed its lease for ${Math.round(silentMs)} ms, expected at most ${leaseMs} ms: ` +
        'it was frozen, blocked or cut off, and others may own its shards by now',
    );
  }
}

/** Another process has written the record of this node's name. */
export class NodeNameTaken extends Error {
  override readonly name = 'NodeNameTaken';
  readonly code = 'node_name_taken';

  constructor(node: string) {
    super(`another process runs as node ${node}: expected one process for each node.name`);
  }
}

/** No codec version is understood by this node and by all that run, or stored messages are of one that it cannot read. */
export class CodecIncompatible extends Error {
  override readonly name = 'CodecIncompatible';
  readonly code = 'codec_incompatible';

  /** Another node runs a program that has no version in common with this one. */
  static withNode(
    own: CodecRange,
    other: { readonly name: string; readonly version: string; readonly codec: CodecRange },
  ): CodecIncompatible {
    return new CodecIncompatible(
      `node ${other.name} (version ${other.version}) reads message versions ${other.codec.lowest} to ` +
        `${other.codec.highest}, this program ${own.lowest} to ${own.highest}: expected a version that both read`,
    );
  }

  /** The nodes write, or are about to write, a version that this program cannot read. */
  static withSystem(own: CodecRange, { version, next = version }: CodecAgreement): CodecIncompatible {
    return new CodecIncompatible(
      `the nodes of this system write message version ${next}, this program reads ${own.lowest} to ${own.highest}: ` +
        'expected a program that reads what is stored',
    );
  }
}
