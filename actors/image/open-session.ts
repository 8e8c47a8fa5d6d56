// Opens a model file in the ONNX runtime, on the first of its providers that works on this machine, and says why those
// before it do not.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { env, InferenceSession } from 'onnxruntime-node';
import { nativeCall } from '#runtime';
import type { Provider } from '../config/model.ts';
import { ModelUnusable } from './model-unusable.ts';
import type { SessionSpec, UnavailableProvider } from './session-spec.ts';

export interface OpenedSession {
  readonly session: InferenceSession;
  readonly provider: Provider;
  readonly unavailable: readonly UnavailableProvider[];
}

type OpenSpec = Pick<SessionSpec, 'path' | 'sha256' | 'providers' | 'threads'>;

/** @throws ModelUnusable when the file is absent, another one or no model, or when no provider works */
export async function openSession({ path, sha256, providers, threads }: OpenSpec): Promise<OpenedSession> {
  const bytes = await readModel(path);
  const digest = createHash('sha256').update(bytes).digest('hex');
  if (digest !== sha256) {
    throw new ModelUnusable('sha256', `expected ${path} to have sha256 ${sha256}, got ${digest}`);
  }
  // A provider that is not there is told by the error; the runtime would print it, too.
  env.logLevel = 'fatal';
  const unavailable: UnavailableProvider[] = [];
  for (const provider of providers) {
    try {
      // From the bytes that were digested: a file that is replaced meanwhile cannot slip in.
      const options: InferenceSession.SessionOptions = {
        executionProviders: [provider],
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        logSeverityLevel: 3,
      };
      const session = await nativeCall(() => InferenceSession.create(bytes, options));
      return { session, provider, unavailable };
    } catch (cause) {
      const reason = messageOf(cause);
      if (provider === 'cpu') {
        const message = `expected ${path} to be one self-contained ONNX model: ${reason}`;
        throw new ModelUnusable('file', message, { cause });
      }
      unavailable.push({ provider, reason: lastPart(reason) });
    }
  }
  const reasons = unavailable.map(({ provider, reason }) => `${provider}: ${reason}`).join('; ');
  throw new ModelUnusable('providers', `expected one of ${providers.join(', ')} to work here: ${reasons}`);
}

/** What went wrong, without the places in the runtime that it passed through. */
function lastPart(reason: string): string {
  return reason.slice(reason.lastIndexOf(': ') + 1).trim();
}

async function readModel(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new ModelUnusable('file', `the model file ${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).trim().replaceAll(/\s+/g, ' ');
}
