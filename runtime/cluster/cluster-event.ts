// What a node tells of its place in the system: each phase of each hand-off, and who came and went. Typed, like
// system events, for the log and for whoever listens.

/**
 * A phase of a shard's change of owner. `offered`, `withdrawn`: by the coordinator or its owner. `prepared`: its next
 * owner has loaded the last snapshot. `stopped`: the node no longer answers for it. `released`: anyone whom the plan
 * names may take it. `taken`: the record names this node. `answering`: the journal is owned, replayed, and it answers.
 * `failed`: it could not be started or loaded here, or ended by itself, and is tried again.
 */
export type HandOffPhase =
  | 'offered'
  | 'withdrawn'
  | 'prepared'
  | 'stopped'
  | 'released'
  | 'taken'
  | 'answering'
  | 'failed';

/** Something that happened between nodes. */
export type ClusterHappening =
  | {
      readonly type: 'handoff';
      readonly shard: string;
      readonly phase: HandOffPhase;
      /** Of the owner that the record names. */
      readonly epoch: number;
      /** Who did it. */
      readonly node: string;
      /** Whom it is offered to. */
      readonly target?: string;
      /** Of `failed`: milliseconds until it is tried again, and why. */
      readonly retryMs?: number;
      readonly error?: Error;
    }
  /** A node is there for the first time, comes back, or changes what it says of itself; or it is gone. */
  | {
      readonly type: 'member';
      readonly node: string;
      readonly state: 'joining' | 'active' | 'draining' | 'left' | 'unreachable' | 'gone';
    }
  /** This node plans for the system from now on. */
  | { readonly type: 'coordinator'; readonly node: string };

/** A happening with its time, wall-clock milliseconds, for people to read. */
export type ClusterEvent = ClusterHappening & { readonly atMs: number };
