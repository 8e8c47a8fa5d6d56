// The demo: a corpus with known truth goes through a whole system as any client's data would, and what was found
// is held against what was planted.
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CutAnswer } from '#actors';
import type { Clock, Logger } from '#runtime';
import { type LoadedConfig, parseConfig } from '../config/index.ts';
import {
  type CorpusTruth,
  generateCorpus,
  type ItemOutcome,
  REFUSED_SOURCE,
  scoreAgainstTruth,
  type TruthScore,
} from '../corpus/index.ts';
import { type AuditReport, audit } from '../node/audit.ts';
import { ClientSystem } from '../node/client-system.ts';
import { LaptopSystem } from '../node/laptop-system.ts';
import { waitUntilSettled } from '../node/settle.ts';
import type { StageTotal } from '../node/stage-totals.ts';
import { IntakePublisher } from '../publish/intake-publisher.ts';
import { publishAll } from '../publish/publish-all.ts';
import type { Terminal } from '../terminal.ts';

const DATASET = 'photos';

export interface DemoOptions {
  readonly items: number;
  readonly seed: number;
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly log: Logger;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  readonly signal: AbortSignal;
}

/** How long each phase took, in ms. */
export interface DemoPhases {
  readonly generateMs: number;
  readonly startMs: number;
  readonly settleMs: number;
  readonly cutMs: number;
}

export interface DemoResult {
  readonly truth: CorpusTruth;
  readonly score: TruthScore;
  readonly cut: CutAnswer;
  readonly audit: AuditReport;
  /** Refused items of which anything was read beyond their source. */
  readonly refusedPastIngestor: number;
  readonly phases: DemoPhases;
  readonly stages: Readonly<Record<string, StageTotal>>;
  readonly natsServer: string;
  readonly passed: boolean;
}

/** Runs everything in a temporary folder, which is gone afterwards. */
export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const folder = await mkdtemp(join(tmpdir(), 'troupe-demo-'));
  try {
    return await runIn(folder, options);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runIn(folder: string, options: DemoOptions): Promise<DemoResult> {
  const { terminal, clock, signal } = options;
  const watch = stopwatch(clock);
  const progress = terminal.progress();
  const truth = await generateCorpus({
    directory: join(folder, 'corpus'),
    count: options.items,
    seed: options.seed,
    signal,
    onProgress: (done, total) => progress.update(`generating ${done} of ${total} images`),
  });
  progress.done(`generated ${truth.items.length} images with planted truth`);
  const generateMs = watch();
  const system = await LaptopSystem.start({
    config: demoConfig(folder),
    log: options.log,
    env: options.env,
    version: options.version,
  });
  try {
    const startMs = watch();
    terminal.note(`nats-server ${system.address.version} (${system.address.origin}) and the node are up`);
    const client = new ClientSystem({ link: system.link, names: system.names, timeoutMs: 60_000 });
    const dead = new Set<string>();
    const unsubscribe = client.link.subscribe(client.names.subjects.outcome(DATASET, 'dead'), ({ data }) => {
      dead.add(String((JSON.parse(Buffer.from(data).toString()) as { id: unknown }).id));
    });
    await publishCorpus(client, truth, signal);
    await waitUntilSettled(client, DATASET, { terminal, signal });
    const settleMs = watch();
    const cut = await client.keeper(DATASET).cut();
    const cutMs = watch();
    const score = scoreAgainstTruth(truth, await outcomesOf(client, cut, dead));
    unsubscribe();
    const report = await audit(client, DATASET);
    const refusedPastIngestor = await countRefusedPast(client, truth);
    return {
      truth,
      score,
      cut,
      audit: report,
      refusedPastIngestor,
      phases: { generateMs, startMs, settleMs, cutMs },
      stages: system.node.stageTotals(DATASET),
      natsServer: system.address.version,
      passed: score.passed && report.balanced && refusedPastIngestor === 0,
    };
  } finally {
    await system.stop();
  }
}

function demoConfig(folder: string): LoadedConfig {
  const text = `version: 1\ndatasets:\n  ${DATASET}:\n    governance:\n      refuseSources: [${REFUSED_SOURCE}]\n`;
  const parsed = parseConfig({ text, place: 'the demo', env: {} });
  return { ...parsed, dataDir: join(folder, 'data'), fileRoots: [], modelFiles: {} };
}

/** Each source publishes for itself, as feeds do. */
async function publishCorpus(client: ClientSystem, truth: CorpusTruth, signal: AbortSignal): Promise<void> {
  const { link, names } = client;
  const publishers = new Map<string, IntakePublisher>();
  for (const { source } of truth.items) {
    if (!publishers.has(source))
      publishers.set(source, new IntakePublisher({ link, names, dataset: DATASET, source }));
  }
  const sourceOf = new Map(truth.items.map(({ id, source }) => [id, source]));
  await publishAll(
    {
      publish: (item, itemSignal) => {
        const publisher = publishers.get(item.type === 'file' ? (sourceOf.get(item.id) ?? '') : '');
        if (publisher === undefined) throw new Error('an item of the corpus has no source');
        return publisher.publish(item, itemSignal);
      },
    },
    corpusFiles(truth),
    { signal },
  );
}

async function* corpusFiles(truth: CorpusTruth) {
  for (const { id, path } of truth.items)
    yield { type: 'file' as const, id, path, bytes: (await stat(path)).size };
}

async function outcomesOf(
  client: ClientSystem,
  { manifest }: CutAnswer,
  dead: ReadonlySet<string>,
): Promise<ReadonlyMap<string, ItemOutcome>> {
  const store = client.manifests(DATASET);
  const rows = await store.rowsByItem(await store.envelope(manifest));
  const outcomes = new Map<string, ItemOutcome>([...dead].map((id) => [id, { outcome: 'dead' }]));
  for (const row of rows.values()) {
    const survivor = row.survivor === null ? undefined : rows.get(row.survivor)?.id;
    outcomes.set(row.id, {
      outcome: row.outcome,
      ...(survivor !== undefined && { survivor }),
      ...(row.relation !== null && { relation: row.relation }),
    });
  }
  return outcomes;
}

async function countRefusedPast(client: ClientSystem, truth: CorpusTruth): Promise<number> {
  let past = 0;
  for (const { id } of truth.items.filter((item) => item.truth === 'refused')) {
    const { items } = await client.keeper(DATASET).explain(id);
    if (items.some(({ entry }) => entry.type !== 'judged' || entry.facts !== null)) past += 1;
  }
  return past;
}

function stopwatch(clock: Clock): () => number {
  let lastMs = clock.monotonicMs();
  return () => {
    const nowMs = clock.monotonicMs();
    const elapsedMs = nowMs - lastMs;
    lastMs = nowMs;
    return elapsedMs;
  };
}
