// The kinds of supervision events: what each means and what it carries beside the fields that all have. docs/events.md
// lists the same; a test compares the two in both directions.
import type { ClusterEvent, SystemEvent } from '#runtime';

/** One kind of event. */
export interface EventKind {
  readonly meaning: string;
  /** Fields beside `type`, `atMs`, `node`, `dataset` and `path`. */
  readonly fields: readonly string[];
}

/** Every kind, by the last token of its subject. */
export const EVENT_KINDS = {
  started: {
    meaning: 'It is up; `incarnation` is 1 for the first start.',
    fields: ['incarnation'],
  },
  stopped: {
    meaning:
      'It is down. `reason`: `normal` (it ended itself), `passivated`, `shutdown`, `crash`, `restart_intensity`.',
    fields: ['reason'],
  },
  crashed: {
    meaning: 'It threw: `during` its `start`, or at `work`.',
    fields: ['during', 'error'],
  },
  restarting: {
    meaning: 'It failed and is started again after `delayMs`, with the siblings in `paths`.',
    fields: ['paths', 'delayMs'],
  },
  restarted: {
    meaning: 'It is up again; `restarts` counts those since the node started.',
    fields: ['restarts'],
  },
  escalated: {
    meaning: 'The supervisor used up its restarts and fails in turn.',
    fields: ['reason', 'error'],
  },
  abandoned: {
    meaning: 'It did not stop within `afterMs`; whatever it still does is ignored.',
    fields: ['afterMs'],
  },
  breaker: {
    meaning:
      'The breaker of the dependency `name` is now `closed`, `open` (until `retryMs` from then, because of `error`) or `half_open`; `path` is what waits for it.',
    fields: ['name', 'state', 'retryMs', 'error'],
  },
  handoff: {
    meaning:
      'A shard changes its owner, `path` is its record: `offered` or `withdrawn`, `prepared` (its next owner has loaded it), `stopped` (no longer answered here), `released`, `taken`, `answering`; or `failed`: it could not be started here because of `error`, and is tried again after `retryMs`.',
    fields: ['phase', 'epoch', 'target', 'retryMs', 'error'],
  },
  member: {
    meaning:
      'Node `nodes/…` in the eyes of this one: `joining`, `active`, `draining`, `left`, `unreachable` (no renewal for half of its lease) or `gone`.',
    fields: ['state'],
  },
  coordinator: { meaning: 'This node plans for the system from now on.', fields: [] },
  dead_letter: {
    meaning:
      'A message between actors was not handled. `reason`: `no_actor`, `ended`, `stopped`, `crashed`, `dropped`, `rejected`; `message` is its type. Items are never lost by it: their queue has them.',
    fields: ['reason', 'message'],
  },
} as const satisfies Readonly<Record<(SystemEvent | ClusterEvent)['type'], EventKind>>;
