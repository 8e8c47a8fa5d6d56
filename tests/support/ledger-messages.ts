// Builders of what reaches the manifest keeper: items of the number kind, judged or dead, and the edges between
// their contents.
import { createHash } from 'node:crypto';
import type { ContentFacts, Edge } from '../../actors/kinds/kind.ts';
import type { DeadMessage, JudgedMessage } from '../../actors/pipeline/messages.ts';

export const sha = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Name of a content: its sha256. */
export const contentOf = (name: string): string => sha(`content ${name}`);

export function factsOf(content: string, change: Partial<ContentFacts> = {}): ContentFacts {
  return {
    content: contentOf(content),
    mediaType: 'application/x-number',
    byteLength: 10,
    hashes: { phash: '0000000000000000' },
    lowInformation: false,
    signals: { sharpness: 0.9, area: 100 },
    ...change,
  };
}

/** The edge between two contents by their names, the same from both sides. */
export function edgeOf(one: string, other: string): Edge {
  const [a = '', b = ''] = [contentOf(one), contentOf(other)].sort();
  return {
    a,
    b,
    hashes: { phash: 2 },
    distance: 0.01,
    similarity: null,
    algorithm: 'number@1',
  };
}

/** An item `id` with content `content` at `sequence`, eligible unless said otherwise. */
export function judged(
  sequence: number,
  id: string,
  content: string,
  change: {
    readonly verdict?: JudgedMessage['judgement']['verdict'];
    readonly rank?: readonly number[];
    readonly edges?: readonly Edge[];
    readonly generation?: number;
    readonly config?: string;
    readonly facts?: Partial<ContentFacts>;
    readonly reasons?: readonly string[];
  } = {},
): JudgedMessage {
  return {
    type: 'judged',
    sequence,
    item: sha(`item ${id} ${content}`),
    id,
    time: null,
    facts: factsOf(content, change.facts),
    vector: 'vector',
    judgement: {
      verdict: change.verdict ?? 'eligible',
      score: 0.9,
      reasons: [...(change.reasons ?? [])],
      contributions: { sharpness: 0.9 },
      rank: [...(change.rank ?? [1])],
    },
    config: change.config ?? sha('config'),
    versions: { kind: 'number@1' },
    generation: change.generation ?? 1,
    edges: [...(change.edges ?? [])],
  };
}

export function dead(sequence: number, reason = 'not_found'): DeadMessage {
  return { type: 'dead', sequence, id: `dead ${sequence}`, stage: 'intake', reason, attempts: 1 };
}
