// What `status` says of what is full.
import { describe, expect, it } from 'vitest';
import type { StreamHealth, WaitingSubject } from '#nats';
import { fullStreams, waitingProblems } from '../../../cli/node/full-storage.ts';

const stream = (name: string, parts: Partial<StreamHealth> = {}): StreamHealth => ({
  stream: name,
  replicas: 1,
  led: true,
  behind: [],
  bytes: 0,
  maxBytes: 1_000,
  messages: 0,
  maxMessages: Number.POSITIVE_INFINITY,
  refusesWhenFull: true,
  ...parts,
});
const told = (streams: readonly StreamHealth[]) => fullStreams(streams, 'troupe');

describe('streams that are full by their own limit', () => {
  it.each([
    ['TROUPE_INTAKE_photos', 980, /^intake of photos is 98 % full .*storage\.limits\.intake/],
    ['TROUPE_JOURNAL_photos', 800, /^the journals of photos are 80 % full .*storage\.limits\.journal/],
    ['TROUPE_DEAD_photos', 980, /^the dead letters of photos are 98 % full .*troupe dead list photos/],
    ['OBJ_troupe-blobs-photos', 980, /^bucket troupe-blobs-photos is 98 % full .*max_bytes/],
    ['KV_troupe-nodes', 980, /^bucket troupe-nodes is 98 % full/],
  ])('%s is told from %i of 1,000 bytes on, with what to do', (name, bytes, line) => {
    expect(told([stream(name, { bytes: bytes - 1 })])).toEqual([]);
    expect(told([stream(name, { bytes })])).toEqual([expect.stringMatching(line)]);
  });

  it('are no problem where the oldest goes first, nor where the brake of a stage is meant to hold', () => {
    expect(told([stream('TROUPE_OUTCOME_photos', { bytes: 1_000, refusesWhenFull: false })])).toEqual([]);
    expect(told([stream('TROUPE_WORK_photos_embed', { messages: 2_000, maxMessages: 2_000 })])).toEqual([]);
    expect(told([stream('OBJ_troupe-uploads', { bytes: 5, maxBytes: Number.POSITIVE_INFINITY })])).toEqual(
      [],
    );
  });
});

describe('what a node could not store', () => {
  const waiting = (parts: Partial<WaitingSubject>): WaitingSubject => ({
    subject: 'troupe.work.photos.embed',
    messages: 3,
    code: 10_023,
    why: 'insufficient resources',
    forMs: 12_000,
    ...parts,
  });

  it('is one line a reason, with the longest wait, all messages, and what to do', () => {
    expect(
      waitingProblems('a', [
        waiting({}),
        waiting({ subject: '$KV.troupe-nodes.node.a', messages: 1, forMs: 3_000 }),
      ]),
    ).toEqual([
      'node a has waited 12 s for room to store 4 messages (troupe.work.photos.embed and 1 more): the server ' +
        'answers "insufficient resources (10023)"; free disk space on the NATS server, or raise its JetStream max_file ' +
        "or the account's limit; it goes on by itself",
    ]);
  });

  it('is told once where nothing is sent at all', () => {
    const all = waiting({
      subject: '>',
      code: 0,
      why: 'the disk of the data folder x is full: free some space',
    });
    expect(waitingProblems('a', [all, waiting({})])).toEqual([
      'node a stores nothing, for 12 s: the disk of the data folder x is full: free some space; it goes on by itself once ' +
        'there is room',
    ]);
  });

  it('tells a stream that has no leader from one without room', () => {
    const waiting = [
      { subject: 'troupe.work.photos.embed', messages: 2, forMs: 5_000, code: 503, why: 'no answer' },
    ];
    expect(waitingProblems('a', waiting)).toEqual([
      'node a has waited 5 s for a leader to store 2 messages (troupe.work.photos.embed): the server answers ' +
        '"no answer (503)"; start the NATS servers that are missing, or free the disk of one that is full; ' +
        'it goes on by itself',
    ]);
  });

  it('is no problem where a work queue is full by its own limit', () => {
    const own = { code: 10_077, why: 'maximum messages exceeded' };
    expect(waitingProblems('a', [waiting(own)])).toEqual([]);
    expect(waitingProblems('a', [waiting({ ...own, subject: 'troupe.dead.photos.intake' })])).toEqual([
      expect.stringMatching(/raise the limit of that stream/),
    ]);
  });
});
