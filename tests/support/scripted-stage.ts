// A stage around a handler that the test writes, over the ports of a dataset in memory.
import type { ActorSystem, Delivery, FaultPoints, SystemEvent } from '#runtime';
import { type Attempt, type HopResult, type StageHandler, stageActor } from '../../actors/pipeline/stage.ts';
import { type MemoryDataset, memoryDataset } from './memory-ports.ts';
import { startActors } from './start-actors.ts';

const systems: ActorSystem[] = [];

/** A stage with all that its handler was given and that came of it. */
export interface ScriptedStage extends MemoryDataset {
  readonly system: ActorSystem;
  readonly events: SystemEvent[];
  /** Texts of each call of the handler. */
  readonly calls: string[][];
  readonly attempted: Attempt[];
  /** Handler's behaviour by text; default: one effect. */
  readonly script: Map<string, (delivery: Delivery) => HopResult | Promise<HopResult>>;
  readonly crashes: () => number;
}

const textOf = (delivery: Delivery) => Buffer.from(delivery.data).toString();
/** The number behind a text: `a 7` is the item 7. */
const sequenceOf = (delivery: Delivery) => Number(textOf(delivery).split(' ')[1] ?? delivery.sequence);
/** What the handler does where the test says nothing. */
export const passOn = (delivery: Delivery): HopResult => ({
  effects: [{ stage: 'embed', sequence: sequenceOf(delivery), message: { text: textOf(delivery) } }],
});
/** A message with a text; `deliveries` is how often it was delivered before. */
export const message = (text: string, deliveries = 0) => ({ data: Buffer.from(text), deliveries });

/** The stage `intake` around a scripted handler, under a supervisor with the default intensity. */
export async function startStage(
  options: { readonly maxBatch?: number; readonly faults?: FaultPoints } = {},
): Promise<ScriptedStage> {
  const dataset = memoryDataset(options.faults && { faults: options.faults });
  const events: SystemEvent[] = [];
  const calls: string[][] = [];
  const script: ScriptedStage['script'] = new Map();
  const attempted: Attempt[] = [];
  const handler: StageHandler = async (batch, _signal, attempt) => {
    calls.push(batch.map(textOf));
    attempted.push(attempt);
    return Promise.all(batch.map((delivery) => (script.get(textOf(delivery)) ?? passOn)(delivery)));
  };
  const system = await startActors(
    dataset,
    [
      stageActor(dataset.ports, {
        stage: 'intake',
        id: 'stage',
        maxBatch: options.maxBatch ?? 1,
        prefetch: 2,
        identify: (delivery) => ({ sequence: sequenceOf(delivery), id: textOf(delivery) }),
        handler: () => handler,
      }),
    ],
    { onEvent: (event) => void events.push(event) },
  );
  systems.push(system);
  const crashes = () => events.filter(({ type }) => type === 'crashed').length;
  return { ...dataset, system, events, calls, attempted, script, crashes };
}

/** Stops all stages that were started. */
export async function stopStages(): Promise<void> {
  for (const system of systems.splice(0)) await system.stop();
}
