import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ClusterEvent, SystemEvent } from '#runtime';
import { EVENT_KINDS } from '../../../cli/events/event-catalogue.ts';
import { decodeEvent, encodeClusterEvent, encodeEvent, eventLine } from '../../../cli/events/event-record.ts';

const ORIGIN = { node: 'vm-1', dataset: 'photos' };
const AT = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

function lineOf(event: SystemEvent): string {
  const record = decodeEvent(encodeEvent(event, ORIGIN));
  if (record === undefined) throw new Error('not read back');
  return eventLine(record);
}

describe('docs/events.md', () => {
  const text = readFileSync(new URL('../../../docs/events.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| `(\w+)` \| (.*) \| ([^|]*) \|$/gm)].map(
    ([, kind, meaning, fields]) => ({
      kind,
      meaning,
      fields: [...(fields ?? '').matchAll(/`(\w+)`/g)].map(([, field]) => field),
    }),
  );

  it('lists every kind with its meaning and fields, in the order of the code, and no other', () => {
    const known = Object.entries(EVENT_KINDS).map(([kind, { meaning, fields }]) => ({
      kind,
      meaning,
      fields,
    }));
    expect(rows).toEqual(known);
    expect(rows.length).toBeGreaterThan(8);
  });
});

describe('an event', () => {
  it('carries the fields that its kind documents', () => {
    const error = new Error('no answer');
    const events: readonly SystemEvent[] = [
      { type: 'started', path: 'a', incarnation: 1, atMs: AT },
      { type: 'stopped', path: 'a', reason: 'shutdown', atMs: AT },
      { type: 'crashed', path: 'a', during: 'work', error, atMs: AT },
      { type: 'restarting', path: 'a', paths: ['a'], delayMs: 200, atMs: AT },
      { type: 'restarted', path: 'a', restarts: 1, atMs: AT },
      { type: 'escalated', path: 'a', reason: 'restart_intensity', error, atMs: AT },
      { type: 'abandoned', path: 'a', afterMs: 5_000, atMs: AT },
      { type: 'breaker', path: 'a', name: 'model tiny', state: 'open', retryMs: 10_000, error, atMs: AT },
      { type: 'dead_letter', path: 'a', reason: 'ended', message: { type: 'batch' }, atMs: AT },
    ];
    expect(Object.keys(EVENT_KINDS)).toEqual(expect.arrayContaining(events.map(({ type }) => type)));
    for (const event of events) {
      const { type, atMs, node, dataset, path, ...rest } = decodeEvent(encodeEvent(event, ORIGIN)) ?? {};
      expect({ type, atMs, node, dataset, path }).toEqual({
        type: event.type,
        atMs: AT,
        ...ORIGIN,
        path: 'a',
      });
      expect(Object.keys(rest).sort()).toEqual([...EVENT_KINDS[event.type].fields].sort());
    }
  });

  it('between nodes carries the fields that its kind documents', () => {
    const handoff = { type: 'handoff', shard: 'photos.3', phase: 'offered', epoch: 2, node: 'vm-1' } as const;
    const events: readonly ClusterEvent[] = [
      { ...handoff, target: 'vm-2', retryMs: 400, error: new Error('no snapshot'), atMs: AT },
      { type: 'member', node: 'vm-2', state: 'unreachable', atMs: AT },
      { type: 'coordinator', node: 'vm-1', atMs: AT },
    ];
    const records = events.map((event) => decodeEvent(encodeClusterEvent(event, 'vm-1')));
    expect(records.map((record) => record?.path)).toEqual(['photos.3', 'nodes/vm-2', 'coordinator']);
    expect(records.map((record) => record?.dataset)).toEqual(['photos', '', '']);
    for (const [at, event] of events.entries()) {
      const { type: _, atMs: _at, node, dataset: _of, path: _path, ...rest } = records[at] ?? {};
      expect(node).toBe('vm-1');
      expect(Object.keys(rest).sort()).toEqual([...EVENT_KINDS[event.type].fields].sort());
    }
  });

  it('tells of a message its type and nothing that it holds', () => {
    const secret = { type: 'batch', deliveries: [{ data: Buffer.from('secret bytes') }] };
    const body = encodeEvent(
      { type: 'dead_letter', path: 'a', reason: 'ended', message: secret, atMs: AT },
      ORIGIN,
    );
    expect(JSON.parse(Buffer.from(body).toString())).toMatchObject({ message: 'batch' });
    expect(body.byteLength).toBeLessThan(200);
  });

  it('is one line for people', () => {
    const error = new TypeError('no answer');
    expect(lineOf({ type: 'crashed', path: 'photos/scorer', during: 'work', error, atMs: AT })).toBe(
      '2026-01-02 03:04:05.678  vm-1  crashed      photos/scorer  during work, TypeError: no answer',
    );
    expect(
      lineOf({ type: 'restarting', path: 'photos/scorer', paths: ['photos/scorer'], delayMs: 400, atMs: AT }),
    ).toBe('2026-01-02 03:04:05.678  vm-1  restarting   photos/scorer  delay 0.4 s');
    expect(
      lineOf({ type: 'breaker', path: 'photos/intake', name: 'http://a', state: 'half_open', atMs: AT }),
    ).toBe('2026-01-02 03:04:05.678  vm-1  breaker      photos/intake  name http://a, state half_open');
  });

  it.each([['no JSON'], ['[]'], ['{"type":"started"}']])('is none: %s', (text) => {
    expect(decodeEvent(Buffer.from(text))).toBeUndefined();
  });
});
