// The worker thread that opens a model once and tells what it has: opening blocks, and what the runtime takes for it is
// given back with the thread.
import { parentPort, workerData } from 'node:worker_threads';
import type { ModelConfig } from '../config/model.ts';
import { ModelSession } from './model-session.ts';
import { ModelUnusable } from './model-unusable.ts';
import { type ModelFacts, sessionSpecSchema } from './session-spec.ts';

/** What the model has, or which setting is wrong. */
export type InspectAnswer =
  | { readonly facts: ModelFacts }
  | { readonly setting: keyof ModelConfig; readonly message: string };

async function inspect(): Promise<InspectAnswer> {
  try {
    const session = await ModelSession.open(sessionSpecSchema.parse(workerData));
    await session.close();
    return { facts: session.facts };
  } catch (error) {
    if (error instanceof ModelUnusable) return { setting: error.setting, message: error.message };
    throw error;
  }
}

parentPort?.postMessage(await inspect());
