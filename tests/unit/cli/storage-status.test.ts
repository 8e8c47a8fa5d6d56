// What `status` says of copies and leaders.
import { describe, expect, it } from 'vitest';
import type { StreamHealth } from '#nats';
import { leaseTime } from '../../../cli/node/lease-time.ts';
import { storageStatus } from '../../../cli/node/storage-status.ts';

const stream = (name: string, parts: Partial<StreamHealth> = {}): StreamHealth => ({
  stream: name,
  replicas: 3,
  led: true,
  behind: [],
  bytes: 0,
  maxBytes: Number.POSITIVE_INFINITY,
  messages: 0,
  maxMessages: Number.POSITIVE_INFINITY,
  refusesWhenFull: true,
  ...parts,
});

describe('the storage of a system', () => {
  it('has as many copies as its least copied stream, and no problem while all are up to date', () => {
    expect(storageStatus([stream('A'), stream('B')], 'troupe')).toEqual({
      replicas: 3,
      problems: [],
      full: [],
    });
    expect(storageStatus([stream('A'), stream('B', { replicas: 1 })], 'troupe')).toEqual({
      replicas: 1,
      problems: [],
      full: [],
    });
  });

  it('names a server once, however many copies it lacks, offline before behind', () => {
    const { problems } = storageStatus(
      [
        stream('A', { behind: [{ server: 'n2', offline: false }] }),
        stream('B', { behind: [{ server: 'n2', offline: true }] }),
        stream('C', { behind: [{ server: 'n3', offline: false }] }),
      ],
      'troupe',
    );
    expect(problems).toEqual([
      expect.stringMatching(/^NATS server n2 is offline for 2 of 3 streams/),
      expect.stringMatching(/^NATS server n3 is behind for 1 of 3 streams/),
    ]);
  });

  it('names streams without a leader, which count for no copies', () => {
    const { replicas, problems } = storageStatus(
      [stream('A'), stream('B', { led: false, replicas: 0 })],
      'troupe',
    );
    expect(replicas).toBe(3);
    expect(problems).toEqual([expect.stringMatching(/^1 of 2 streams have no leader \(B\)/)]);
  });

  it('tells a leader that has lost most of its servers from one that still stores', () => {
    const offline = (...servers: readonly string[]) => ({
      behind: servers.map((server) => ({ server, offline: true })),
    });
    expect(
      storageStatus([stream('A', offline('n1', 'n2')), stream('B', offline('n2'))], 'troupe').problems,
    ).toEqual([
      '1 of 2 streams have lost most of their servers (A): nothing can be stored in them until most of their servers run',
      'NATS server n1 is offline for 1 of 2 streams',
      'NATS server n2 is offline for 2 of 2 streams',
    ]);
  });
});

describe('the lease time of a node', () => {
  it('outlasts an election where there are copies, unless it is configured', () => {
    expect(leaseTime(undefined, 1)).toBe(10_000);
    expect(leaseTime(undefined, 3)).toBe(20_000);
    expect(leaseTime(5_000, 3)).toBe(5_000);
  });
});
