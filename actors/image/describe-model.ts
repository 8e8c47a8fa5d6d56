// What a model file has, and the entry under `models:` that it most likely wants.
import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import type { DescribeAnswer, DescribedModel } from './describe-thread.ts';
import { type GuessedInput, type GuessedOutput, guessOutput, NoPictureModel } from './model-guess.ts';
import { ModelUnusable } from './model-unusable.ts';
import { describeThreadModule } from './thread-modules.ts';

/** Settings that the file most likely wants, and what of them is a guess. */
export interface ModelProposal {
  readonly settings: GuessedInput & GuessedOutput;
  readonly remarks: readonly string[];
}

/**
 * Looks at a file, on a thread of its own.
 * @throws ModelUnusable when it is absent or no ONNX model
 */
export async function describeModel(
  path: string,
): Promise<DescribedModel & { readonly proposal?: ModelProposal }> {
  try {
    await access(path);
  } catch (cause) {
    throw new ModelUnusable('file', `the model file ${path} does not exist or cannot be read`, { cause });
  }
  const worker = new Worker(describeThreadModule(), { workerData: path });
  const [answer] = (await once(worker, 'message')) as [DescribeAnswer];
  await worker.terminate();
  if ('message' in answer) throw new ModelUnusable('file', answer.message);
  const { described } = answer;
  const { input, outputs } = described;
  if (input === undefined) return described;
  try {
    const output = guessOutput(outputs);
    const settings = { ...input.settings, ...output.settings };
    return { ...described, proposal: { settings, remarks: [...input.remarks, ...output.remarks] } };
  } catch (error) {
    if (error instanceof NoPictureModel) return { ...described, problem: error.message };
    throw error;
  }
}
