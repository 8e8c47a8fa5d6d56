// A node's own lease: it is over when the node could not renew it, whatever it waits for.
import { describe, expect, it } from 'vitest';
import {
  type Clock,
  NodeLease,
  NodeLeaseLost,
  NodeNameTaken,
  type RecordStore,
  StorageFull,
  silentLogger,
} from '#runtime';
import { ManualClock, MemoryRecords } from '#testkit';

const LEASE_MS = 900;

/** Joins as node `a`; `lost` holds why it must stop. */
async function join(records: RecordStore, clock: Clock) {
  const lost: Error[] = [];
  const lease = await NodeLease.join({
    records,
    clock,
    log: silentLogger,
    node: {
      name: 'a',
      incarnation: '1',
      version: '1.0.0',
      codec: { lowest: 1, highest: 1 },
      weight: 1,
      leaseMs: LEASE_MS,
      started: '',
    },
    lost: (error) => lost.push(error),
  });
  return { lease, lost };
}

/** Records whose writes never come back from a call of `cut` on. */
class CutRecords extends MemoryRecords {
  #isCut = false;

  cut(): void {
    this.#isCut = true;
  }

  override compareAndSet(...write: Parameters<MemoryRecords['compareAndSet']>): Promise<number | undefined> {
    return this.#isCut ? new Promise(() => {}) : super.compareAndSet(...write);
  }
}

describe('the lease of a node', () => {
  it('is held as long as renewals succeed, three in a lease time', async () => {
    const [records, clock] = [new MemoryRecords(), new ManualClock()];
    const { lease, lost } = await join(records, clock);
    await clock.advance(10 * LEASE_MS);
    expect(lease.holds()).toBe(true);
    expect(lost).toEqual([]);
    expect((await records.get('node.a'))?.revision).toBe(1 + 30);
    lease.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it('is over a lease time after the last renewal was begun, while a write hangs, also by timers that run out early', async () => {
    for (const earlyMs of [0, 0.4]) {
      const [records, clock] = [new CutRecords(), new ManualClock()];
      const early: Clock = {
        monotonicMs: () => clock.monotonicMs(),
        wallMs: () => clock.wallMs(),
        schedule: (delayMs, action) => clock.schedule(delayMs - earlyMs, action),
      };
      const { lease, lost } = await join(records, early);
      records.cut();
      await clock.advance(LEASE_MS - 1);
      expect([lease.holds(), lost.length]).toEqual([true, 0]);
      await clock.advance(2);
      expect(lease.holds()).toBe(false);
      expect(lost).toHaveLength(1);
      expect(lost[0]).toBeInstanceOf(NodeLeaseLost);
      expect(clock.pendingTimers).toBe(0);
    }
  });

  it('keeps nobody waiting who says what the node is, once it is over', async () => {
    const [records, clock] = [new CutRecords(), new ManualClock()];
    const { lease } = await join(records, clock);
    records.cut();
    let isSaid = false;
    const said = lease.become('draining').then(() => {
      isSaid = true;
    });
    await clock.advance(LEASE_MS - 1);
    expect(isSaid).toBe(false);
    await clock.advance(1);
    await said;
  });

  it('is over when another process has written the record', async () => {
    const [records, clock] = [new MemoryRecords(), new ManualClock()];
    const first = await join(records, clock);
    const second = await join(records, clock);
    await clock.advance(LEASE_MS);
    expect(first.lost).toHaveLength(1);
    expect(first.lost[0]).toBeInstanceOf(NodeNameTaken);
    expect([first.lease.holds(), second.lease.holds(), second.lost]).toEqual([false, true, []]);
  });

  it('outlives writes that fail, as long as one succeeds in time', async () => {
    const [records, clock] = [new MemoryRecords(), new ManualClock()];
    let failures = 1;
    const failing: RecordStore = {
      get: (key) => records.get(key),
      delete: (key) => records.delete(key),
      keys: () => records.keys(),
      compareAndSet: (key, value, revision) => {
        if (revision === 0) return records.compareAndSet(key, value, revision);
        failures -= 1;
        return failures >= 0
          ? Promise.reject(new Error('no answer'))
          : records.compareAndSet(key, value, revision);
      },
    };
    const { lease, lost } = await join(failing, clock);
    await clock.advance(3 * LEASE_MS);
    expect(failures).toBeLessThan(0);
    expect(lease.holds()).toBe(true);
    expect(lost).toEqual([]);
    lease.close();
  });

  it('is kept while there is no room to renew it, since nobody could take anything then', async () => {
    const [records, clock] = [new MemoryRecords(), new ManualClock()];
    let isFull = false;
    const bounded: RecordStore = {
      get: (key) => records.get(key),
      delete: (key) => records.delete(key),
      keys: () => records.keys(),
      compareAndSet: (key, value, revision) =>
        isFull ? Promise.reject(new StorageFull('no room')) : records.compareAndSet(key, value, revision),
    };
    const { lease, lost } = await join(bounded, clock);
    isFull = true;
    await clock.advance(10 * LEASE_MS);
    expect([lease.holds(), lost]).toEqual([true, []]);
    isFull = false;
    await clock.advance(LEASE_MS);
    expect((await records.get('node.a'))?.revision).toBeGreaterThan(1);
    expect(lease.holds()).toBe(true);
    lease.close();
  });

  it('ends with the record saying that the node has left', async () => {
    const [records, clock] = [new MemoryRecords(), new ManualClock()];
    const { lease, lost } = await join(records, clock);
    await lease.become('left');
    expect(JSON.parse(records.text('node.a') ?? '')).toMatchObject({ name: 'a', state: 'left' });
    await clock.advance(5 * LEASE_MS);
    expect([lease.holds(), lost]).toEqual([false, []]);
  });
});
