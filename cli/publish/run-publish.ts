// One run of `publish`: finds out what there is, goes on where an earlier run stopped, publishes, and keeps how far it
// came. Items that cannot be published are gathered; they are tried again by the next run.

import { streamState } from '#nats';
import type { Clock } from '#runtime';
import type { ClientSystem } from '../node/client-system.ts';
import { expandSources, type GivenSources, STDIN } from './expand-sources.ts';
import { IntakePublisher } from './intake-publisher.ts';
import { type PublishProgress, publishAll } from './publish-all.ts';
import { type Amount, measure, megabytes, progressText } from './publish-progress.ts';
import { nameOf, type PublishSource } from './publish-source.ts';
import { freshRun, ResumableRun, type SavedRun } from './resumable-run.ts';
import { RunFile } from './run-file.ts';
import { StallWatch, waitingReason } from './stall-watch.ts';
import { inspectStream, streamItems } from './stream-items.ts';

/** Failures that are listed; more are only counted. */
const MAX_LISTED = 1_000;

export interface PublishStream {
  readonly stream: string;
  readonly filter?: string;
  /** Where to begin, whatever was published before. */
  readonly fromSequence?: number;
  readonly idHeader: string;
}

export interface PublishPlan {
  readonly dataset: string;
  readonly from: GivenSources | PublishStream;
  readonly source?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Items in a second, at most. */
  readonly perSecond?: number;
  /** `continue` an earlier run, `restart` from the beginning, or `off`: neither look nor keep. */
  readonly resume: 'continue' | 'restart' | 'off';
  readonly dataDir: string;
  readonly clock: Clock;
  readonly terminal: PublishTerminal;
  readonly signal: AbortSignal;
}

/** The part of a terminal that a run writes to. */
export interface PublishTerminal {
  note(line: string): void;
  progress(): { update(text: string): void; done(text: string): void };
}

/** One item that was not published, and why. */
export interface FailedItem {
  readonly item: string;
  readonly problem: string;
}

export interface PublishReport extends PublishProgress {
  /** Published by earlier runs, hence not again. */
  readonly resumedAfter: number;
  readonly failed: number;
  /** The first of them. */
  readonly failures: readonly FailedItem[];
}

/** Publishes what the plan names. @throws CommandError */
export async function runPublish(system: ClientSystem, plan: PublishPlan): Promise<PublishReport> {
  const { created } = await streamState(system.link, system.names.streams.intake(plan.dataset));
  const job =
    'stream' in plan.from
      ? await streamJob(system, plan, plan.from, created)
      : await sourcesJob(plan, plan.from, created);
  const { run, file } = job;
  const resumedAfter = run.published;
  if (resumedAfter > 0) {
    plan.terminal.note(`${resumedAfter} items were published before; --restart publishes them again`);
  }
  const failures: FailedItem[] = [];
  let failed = 0;
  const line = plan.terminal.progress();
  const startedMs = plan.clock.monotonicMs();
  const elapsedMs = () => plan.clock.monotonicMs() - startedMs;
  let done: Amount = { items: 0, bytes: 0 };
  const stall = new StallWatch({
    clock: plan.clock,
    why: () => waitingReason(system.link),
    tell: (text) => line.update(`published ${done.items} items; ${text}`),
  });
  try {
    const progress = await publishAll(publisherOf(system, plan), job.items, {
      signal: plan.signal,
      ...(plan.perSecond !== undefined && { pace: { perSecond: plan.perSecond, clock: plan.clock } }),
      onPublished: (item) => {
        stall.moved();
        run.acknowledged(item);
        file?.touch(run);
      },
      onUnpublishable: (item, error) => {
        run.unpublishable(item);
        failed += 1;
        if (failures.length < MAX_LISTED) failures.push({ item: nameOf(item), problem: error.message });
      },
      onProgress: ({ published: items, bytes }) => {
        done = { items, bytes };
        line.update(progressText(done, job.total, elapsedMs()));
      },
    });
    line.done(`published ${progress.published} items, ${megabytes(progress.bytes)}`);
    const isOver = !plan.signal.aborted && failed === 0;
    // A stream goes on: the next run begins where this one ended. Folders and lists are done.
    if (isOver && !('stream' in plan.from)) await file?.remove();
    else await file?.save(run);
    return { ...progress, resumedAfter, failed, failures };
  } catch (error) {
    await file?.save(run);
    throw error;
  } finally {
    stall.close();
  }
}

interface PublishJob {
  readonly run: ResumableRun;
  /** Absent where nothing is kept. */
  readonly file: RunFile | undefined;
  readonly items: AsyncIterable<PublishSource>;
  /** How much there is; unknown for a stream and for standard input. */
  readonly total: Amount | undefined;
}

/** Two passes: the first counts, and tells whether what was published before is still what was given. */
async function sourcesJob(plan: PublishPlan, given: GivenSources, incarnation: string): Promise<PublishJob> {
  const fresh = () => freshRun(incarnation, plan.clock.wallMs());
  const readsStdin = given.paths.includes(STDIN) || given.lists.includes(STDIN);
  if (readsStdin) {
    return { run: new ResumableRun(fresh()), file: undefined, items: expandSources(given), total: undefined };
  }
  const file = runFile(plan, { paths: given.paths, lists: given.lists, cwd: given.cwd });
  let saved = (await savedRun(plan, file, incarnation)) ?? fresh();
  const count = async (from: SavedRun) => {
    const first = new ResumableRun(from);
    const total = await measure(first.remaining(expandSources(given)), plan.signal);
    return { total, isSame: first.markMet };
  };
  let survey = await count(saved);
  if (!survey.isSame && !plan.signal.aborted) {
    plan.terminal.note('what an earlier run published last is gone: publishing everything');
    saved = fresh();
    survey = await count(saved);
  }
  const run = new ResumableRun(saved);
  return { run, file, items: run.remaining(expandSources(given)), total: survey.total };
}

async function streamJob(
  system: ClientSystem,
  plan: PublishPlan,
  from: PublishStream,
  incarnation: string,
): Promise<PublishJob> {
  const { created } = await inspectStream(system.link, from.stream);
  const both = `${incarnation} ${created}`;
  const file = runFile(plan, { stream: from.stream, filter: from.filter ?? null });
  const saved = from.fromSequence === undefined ? await savedRun(plan, file, both) : undefined;
  const run = new ResumableRun(saved ?? freshRun(both, plan.clock.wallMs()));
  const items = streamItems(system.link, {
    stream: from.stream,
    ...(from.filter !== undefined && { filter: from.filter }),
    fromSequence: from.fromSequence ?? Number(run.mark ?? 0) + 1,
    again: (saved?.failed ?? []).map(Number).sort((a, b) => a - b),
    idHeader: from.idHeader,
  });
  return { run, file, items: run.following(items), total: undefined };
}

function runFile(plan: PublishPlan, given: object): RunFile | undefined {
  if (plan.resume === 'off') return undefined;
  const { dataDir, dataset, clock, source = null, metadata = null } = plan;
  return new RunFile({ dataDir, dataset, given: { ...given, source, metadata }, clock });
}

async function savedRun(
  plan: PublishPlan,
  file: RunFile | undefined,
  incarnation: string,
): Promise<SavedRun | undefined> {
  return plan.resume === 'continue' ? file?.load(incarnation) : undefined;
}

function publisherOf({ link, names }: ClientSystem, plan: PublishPlan): IntakePublisher {
  const { dataset, source, metadata } = plan;
  return new IntakePublisher({
    link,
    names,
    dataset,
    ...(source !== undefined && { source }),
    ...(metadata !== undefined && { metadata }),
  });
}
