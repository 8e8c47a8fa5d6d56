// How a node leaves: within its time, whatever does not end, and with what failed in its log.
import { expect, it } from 'vitest';
import { silentLogger } from '#runtime';
import { ManualClock } from '#testkit';
import { Ending } from '../../../cli/node/ending.ts';
import { drainNode } from '../../../cli/node/node-drain.ts';

const DRAIN_MS = 10_000;

/** A node that drains with these parts; what it logged, and what it did. */
function draining(parts: {
  readonly stopStages?: () => Promise<unknown>;
  readonly leave?: (leftMs: number) => Promise<void>;
}) {
  const clock = new ManualClock();
  const told: string[] = [];
  const logged = (fields: { readonly err?: Error }, text: string) =>
    void told.push(fields.err === undefined ? text : `${text}: ${fields.err.message}`);
  const ending = new Ending();
  const done = drainNode({
    node: 'a',
    drainMs: DRAIN_MS,
    clock,
    log: { ...silentLogger, warn: logged, error: logged },
    ending,
    stopStages: parts.stopStages ?? (async () => {}),
    leave: async (leftMs) => {
      told.push(`leaves within ${leftMs}`);
      await parts.leave?.(leftMs);
    },
    disconnect: async () => void told.push('disconnects'),
  });
  return { clock, told, done };
}

it('a node whose stages fail while they stop logs that, and leaves', async () => {
  const { told, done } = draining({ stopStages: () => Promise.reject(new Error('no session')) });
  await done;
  expect(told).toEqual(['the node did not drain in order: no session', `leaves within ${DRAIN_MS}`]);
});

it('a node that cannot say that it leaves logs that, and goes on', async () => {
  const { told, done } = draining({ leave: () => Promise.reject(new Error('refused')) });
  await done;
  expect(told).toEqual([`leaves within ${DRAIN_MS}`, 'the node did not drain in order: refused']);
});

it('a node whose stages never stop leaves when its time is over, and without a word where nobody hears it', async () => {
  const never = () => new Promise<never>(() => {});
  const { clock, told, done } = draining({ stopStages: never, leave: never });
  await clock.advance(DRAIN_MS);
  expect(told).toEqual(['stages still work: what they hold comes again', 'leaves within 0']);
  await clock.advance(DRAIN_MS);
  await done;
  expect(told.slice(2)).toEqual([
    'the server does not hear that this node leaves: it goes without a word',
    'disconnects',
  ]);
});
