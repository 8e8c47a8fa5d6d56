import { describe, expect, it } from 'vitest';
import { RestartIntensityExceeded, StartFailed, type SystemEvent } from '#runtime';
import { escalationReport, RecentEvents, reportLines } from '../../../cli/node/escalation-report.ts';

const AT = Date.UTC(2026, 0, 2, 3, 4, 5);

/** A scorer that cannot start took its dataset and then the root down. */
function escalation() {
  const first = new Error('stream TROUPE_WORK_photos_score does not exist');
  const started = new StartFailed('photos', { cause: first });
  const error = new RestartIntensityExceeded('/', { maxRestarts: 3, withinMs: 300_000 }, { cause: started });
  const recent = new RecentEvents();
  const events: SystemEvent[] = [
    {
      type: 'crashed',
      path: 'photos/scorer',
      during: 'work',
      error: new Error('long ago'),
      atMs: AT - 400_000,
    },
    { type: 'restarting', path: 'photos/scorer', paths: ['photos/scorer'], delayMs: 0, atMs: AT - 400_000 },
    { type: 'started', path: 'photos/keeper', incarnation: 1, atMs: AT },
    { type: 'crashed', path: 'photos/scorer', during: 'start', error: first, atMs: AT },
    { type: 'restarting', path: 'photos/scorer', paths: ['photos/scorer'], delayMs: 200, atMs: AT + 1 },
    { type: 'crashed', path: 'photos/scorer', during: 'start', error: first, atMs: AT + 2 },
    { type: 'escalated', path: '/', reason: 'restart_intensity', error, atMs: AT + 3 },
  ];
  for (const event of events) recent.add(event);
  return escalationReport({ node: 'vm-1', dataset: 'photos', error, events: recent.all });
}

describe('the report of a node that ends because its supervision gave up', () => {
  it('names who gave up, the causes down to the first failure with its stack, and the restarts in the window', () => {
    const report = escalation();
    expect(report).toMatchObject({
      error: 'restart_intensity',
      node: 'vm-1',
      dataset: 'photos',
      gaveUp: [{ path: '/', maxRestarts: 3, withinMs: 300_000 }],
      causes: [
        { name: 'RestartIntensityExceeded', path: '/' },
        { name: 'StartFailed', path: 'photos' },
        { name: 'Error', message: 'stream TROUPE_WORK_photos_score does not exist' },
      ],
      restarts: [{ path: 'photos/scorer', delayMs: 200, atMs: AT + 1 }],
    });
    expect(report.restarts[0]?.failure).toBe('Error: stream TROUPE_WORK_photos_score does not exist');
    expect(report.stack).toContain('escalation-report.test.ts');
    expect(report.next[0]).toContain('the NATS server');
    expect(report.next.join()).toContain("--actor 'photos/scorer*'");
  });

  it('can be read', () => {
    const text = reportLines(escalation()).join('\n');
    expect(text).toContain('/  allows 3 restarts in 5 min; one more was needed');
    expect(text).toContain('    StartFailed: photos could not be started');
    expect(text).toContain('      Error: stream TROUPE_WORK_photos_score does not exist');
    expect(text).toContain('Restarts before (1)');
    expect(text).toMatch(/What to look at next\n {2}the NATS server/);
  });

  it('is of the last events only, however many there were', () => {
    const recent = new RecentEvents();
    for (let restart = 0; restart < 10_000; restart++) {
      recent.add({ type: 'restarting', path: 'a', paths: ['a'], delayMs: 0, atMs: AT + restart });
    }
    expect(recent.all.length).toBeLessThanOrEqual(1_000);
    const error = new RestartIntensityExceeded('/', { maxRestarts: 3, withinMs: 300_000 });
    const report = escalationReport({ node: 'n', dataset: 'photos', error, events: recent.all });
    expect(reportLines(report).length).toBeLessThan(80);
  });
});
