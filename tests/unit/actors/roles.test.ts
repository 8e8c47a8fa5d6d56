// Roles of nodes: which stages somebody takes care of.
import { describe, expect, it } from 'vitest';
import { ROLE_OF_STAGE, ROLES, STAGES, unattendedStages } from '#actors';

describe('roles', () => {
  it('take care of every stage, each role of at least one', () => {
    expect(Object.keys(ROLE_OF_STAGE).sort()).toEqual(['intake', ...STAGES].sort());
    expect(new Set(Object.values(ROLE_OF_STAGE))).toEqual(new Set(ROLES));
    expect(unattendedStages([ROLES])).toEqual([]);
  });

  it('of several nodes count together; what none of them has is unattended', () => {
    expect(unattendedStages([['ingest'], ['score', 'shards']])).toEqual(['embed', 'dedup', 'replay']);
    expect(unattendedStages([])).toEqual(['intake', ...STAGES]);
    expect(unattendedStages([['a role of a later program']])).toHaveLength(STAGES.length + 1);
  });
});
