// What a node may be there for. Each role stands for parts of a dataset's tree and for the stages whose queues these
// empty; a node with all of them is a whole system, and several nodes share them as they like.
import type { Stage } from './dataset-ports.ts';

/** Every role, in the order in which an item meets them. */
export const ROLES = ['ingest', 'embed', 'dedup', 'score', 'shards'] as const;

/**
 * `ingest`: fetches, decodes and hashes, also what was held back. `embed`: runs the model. `dedup`: the desks that claim
 * contents. `score`: judges by the rules. `shards`: owns index shards and keepers, and plans for the system.
 */
export type Role = (typeof ROLES)[number];

/** Which role empties the queue of a stage. */
export const ROLE_OF_STAGE: Readonly<Record<Stage, Role>> = {
  intake: 'ingest',
  held: 'ingest',
  embed: 'embed',
  dedup: 'dedup',
  replay: 'embed',
  score: 'score',
  keep: 'shards',
};

/** Stages that none of these nodes' roles take care of; roles that this program does not know take care of none. */
export function unattendedStages(nodes: readonly (readonly string[])[]): readonly Stage[] {
  const present = new Set(nodes.flat());
  return (Object.keys(ROLE_OF_STAGE) as Stage[]).filter((stage) => !present.has(ROLE_OF_STAGE[stage]));
}
