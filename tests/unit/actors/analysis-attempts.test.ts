import { describe, expect, it } from 'vitest';
import { ActorEnded, AskTimeout, MailboxFull, ThreadCrashed, ThreadError, ThreadTimeout } from '#runtime';
import { ManualClock } from '#testkit';
import type { Analysis, AnalysisPool, Kind } from '../../../actors/kinds/kind.ts';
import {
  type AnalysisAttemptsOptions,
  analyseWithAttempts,
} from '../../../actors/pipeline/analysis-attempts.ts';
import { ItemFailure, PassingFailure } from '../../../actors/pipeline/item-failure.ts';
import { numberKind } from '../../support/memory-ports.ts';

const POOL: AnalysisPool = {
  ask: () => Promise.reject(new Error('no kind of these tests asks the pool')),
  admit: () => Promise.reject(new Error('no kind of these tests needs much memory')),
};
const ANALYSIS: Analysis = {
  facts: { content: '', mediaType: '', byteLength: 0, hashes: {}, lowInformation: false, signals: {} },
  proxy: new Uint8Array(),
};
const request = { bytes: new Uint8Array([1]), maxPixels: 1, maxBytes: 1 };

const crashed = () => new ThreadCrashed('t', 'exit', 'exited with code 3');
const hung = () => new ThreadCrashed('t', 'hang', 'did not respond');
const outOfMemory = () => new ThreadCrashed('t', 'memory', 'outgrew its heap');
const late = () => new ThreadTimeout('t', 1_000);
const refused = (code: string) => new ThreadError({ name: 'AnalysisError', message: 'refused', code });

/** Runs the attempts on a kind whose analyses end as given, in order; tells where and with which limit each ran. */
async function attempt(...ends: readonly (Error | Analysis)[]) {
  const ran: { readonly on: 'pool' | 'own thread'; readonly timeoutMs: number }[] = [];
  const kind: Kind = {
    ...numberKind,
    analyse: async (pool, _request, timeoutMs) => {
      ran.push({ on: pool === POOL ? 'pool' : 'own thread', timeoutMs });
      const end = ends[ran.length - 1];
      if (end === undefined || end instanceof Error) throw end ?? new Error('one attempt too many');
      return end;
    },
  };
  const clock = new ManualClock();
  const options: AnalysisAttemptsOptions = { kind, pool: POOL, clock, timeoutMs: 1_000, memoryMb: 64 };
  const signal = new AbortController().signal;
  const outcome = await analyseWithAttempts(options, async () => request, signal).catch(
    (error: unknown) => error,
  );
  return { outcome, ran, places: ran.map(({ on }) => on) };
}

describe('analysis attempts', () => {
  it('take the answer of the pool and look no further', async () => {
    const { outcome, places } = await attempt(ANALYSIS);
    expect(outcome).toBe(ANALYSIS);
    expect(places).toEqual(['pool']);
  });

  it('try a content that ended its thread alone, which may succeed', async () => {
    expect(await attempt(crashed(), ANALYSIS)).toMatchObject({
      outcome: ANALYSIS,
      places: ['pool', 'own thread'],
    });
    const { outcome, places } = await attempt(new ActorEnded('t'), late(), ANALYSIS);
    expect(outcome).toBe(ANALYSIS);
    expect(places).toEqual(['pool', 'own thread', 'own thread']);
  });

  it('let an attempt alone take no longer than the limit; in the pool waiting in line counts too', async () => {
    const { ran } = await attempt(crashed(), ANALYSIS);
    expect(ran.map(({ timeoutMs }) => timeoutMs)).toEqual([4_000, 1_000]);
  });

  it('give a content that took too long twice the time, and none that ended its thread at once', async () => {
    const { ran } = await attempt(late(), late(), ANALYSIS);
    expect(ran.map(({ timeoutMs }) => timeoutMs)).toEqual([4_000, 2_000, 2_000]);
    const { ran: alone } = await attempt(crashed(), late(), ANALYSIS);
    expect(alone.map(({ timeoutMs }) => timeoutMs)).toEqual([4_000, 1_000, 2_000]);
  });

  it.each([
    ['worker_crashed', [crashed(), crashed(), crashed()]],
    ['worker_timeout', [late(), late(), late()]],
    ['worker_timeout', [crashed(), crashed(), hung()]],
    ['worker_out_of_memory', [outOfMemory(), outOfMemory(), outOfMemory()]],
    ['worker_timeout', [crashed(), outOfMemory(), late()]],
    ['worker_crashed', [late(), late(), crashed()]],
  ])('end after three, with the reason of the last: %s', async (code, ends) => {
    const { outcome, places } = await attempt(...ends);
    expect(outcome).toBeInstanceOf(ItemFailure);
    expect(outcome).toMatchObject({ code, attempts: 3, cause: ends[2] });
    expect(places).toEqual(['pool', 'own thread', 'own thread']);
  });

  it('end at once when the analysis itself refuses the content, also alone', async () => {
    expect(await attempt(refused('too_many_pixels'))).toMatchObject({
      outcome: { name: 'ItemFailure', code: 'too_many_pixels', attempts: 1 },
      places: ['pool'],
    });
    expect(await attempt(crashed(), refused('corrupt_image'))).toMatchObject({
      outcome: { name: 'ItemFailure', code: 'corrupt_image', attempts: 2 },
    });
  });

  it.each([new AskTimeout('t', 4_000), new MailboxFull('t')])(
    'say that it may pass when no thread was free in time: $name',
    async (error) => {
      const { outcome, places } = await attempt(error);
      expect(outcome).toBeInstanceOf(PassingFailure);
      expect(outcome).toMatchObject({ code: 'worker_timeout', cause: error });
      expect(places).toEqual(['pool']);
    },
  );

  it.each([
    new TypeError('a defect of ours'),
    refused('a code that is no reason'),
    new DOMException('stopped', 'AbortError'),
  ])('pass on what is no fault of the item: $message', async (error) => {
    expect((await attempt(error)).outcome).toBe(error);
  });
});
