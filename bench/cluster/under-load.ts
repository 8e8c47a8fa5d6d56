// What the disturbed parts of the cluster bench share: enough items that wait at every event, and the digest that one
// undisturbed node gives of them.
import { ChaosSystem } from '../../tests/support/chaos/chaos-system.ts';
import type { Metric } from '../contract.ts';
import { publish } from './load.ts';
import { verify } from './verify.ts';

export const DATASET = 'photos';
export const SETTLE_MS = 540_000;
const BACKLOG = 1_000;

/** Digest of the same items on one node that nobody disturbs, with the usual number of shards. */
export async function calmDigest(contents: readonly Uint8Array[]): Promise<string> {
  await using system = await ChaosSystem.create({ config: configOf(4) });
  await system.startAll();
  await publish(await system.client.connect(), DATASET, contents);
  await system.client.waitSettled(contents.length, { deadlineMs: SETTLE_MS });
  return (await verify(system.client, contents.length)).digest;
}

/** Configuration of a system with one dataset of so many index shards. */
export function configOf(shards: number): object {
  return { version: 1, node: { decodeThreads: 1 }, datasets: { [DATASET]: { shards } } };
}

/** A figure that was measured once. */
export function metric(value: number, unit: string, reference?: string): Metric {
  return { value: Number(value.toPrecision(4)), unit, ...(reference !== undefined && { reference }) };
}

/** @throws unless at least a thousand accepted items wait */
export async function underLoad(system: ChaosSystem, count: number): Promise<void> {
  const settled = (await system.client.settled(count)) ?? 0;
  if (count - settled < BACKLOG) throw new Error(`only ${count - settled} items wait; more are needed`);
}
