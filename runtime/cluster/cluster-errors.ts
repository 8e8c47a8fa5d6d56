// Why a node may not join a system, or must stop itself. Each says what was found and what is expected.
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

/** No codec version is understood by this node and by all that run. */
export class CodecIncompatible extends Error {
  override readonly name = 'CodecIncompatible';
  readonly code = 'codec_incompatible';

  constructor(own: CodecRange, other: CodecRange & { readonly node: string; readonly version: string }) {
    super(
      `node ${other.node} (version ${other.version}) reads message versions ${other.lowest} to ${other.highest}, ` +
        `this program ${own.lowest} to ${own.highest}: expected a version that both read`,
    );
  }
}
