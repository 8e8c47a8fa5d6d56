// Connects the ports of one dataset's actors to JetStream.
import type { DependencyContainer } from 'tsyringe';
import { type DatasetConfig, type DatasetPorts, imageKind, SourceRates, type Stage } from '#actors';
import {
  INTAKE_CONSUMER,
  NatsBlobs,
  NatsJournal,
  type NatsLink,
  NatsRecords,
  NatsWorkSource,
  SharedCache,
  type SystemNames,
  streamState,
} from '#nats';
import type { SystemHappening } from '#runtime';
import { connectBreakers } from './connect-breakers.ts';
import { connectErasure } from './connect-erasure.ts';
import { connectSources } from './connect-sources.ts';
import { datasetBlobs, datasetVectors } from './dataset-blobs.ts';
import { ACK_WAIT_MS, HELD, MAX_ACK_PENDING } from './dataset-topology.ts';
import { TOKENS } from './tokens.ts';

/** Ports of `dataset` under `config`. */
export async function connectPorts(
  node: DependencyContainer,
  dataset: string,
  config: DatasetConfig,
  {
    emit,
    ...options
  }: Pick<DatasetPorts, 'model' | 'meter' | 'tracer' | 'fenced' | 'index' | 'generation' | 'against'> & {
    readonly emit: (happening: SystemHappening) => void;
  },
): Promise<DatasetPorts> {
  const link = node.resolve(TOKENS.link);
  const names = node.resolve(TOKENS.names);
  const clock = node.resolve(TOKENS.clock);
  const loaded = node.resolve(TOKENS.config);
  const { config: settings } = loaded;
  const random = node.resolve(TOKENS.random);
  const breakers = connectBreakers({
    dataset,
    config: settings,
    model: options.model,
    clock,
    random,
    emit,
  });
  const intake = await streamState(link, names.streams.intake(dataset));
  return {
    dataset,
    kind: imageKind,
    config,
    incarnation: Date.parse(intake.created).toString(36),
    subjects: {
      work: (stage) => names.subjects.work(dataset, stage),
      dead: (stage) => names.subjects.dead(dataset, stage),
      outcome: (outcome) => names.subjects.outcome(dataset, outcome),
    },
    codec: node.resolve(TOKENS.codec),
    publisher: link.publisher,
    source: (stage, epoch) => workSource(link, names, dataset, stage, epoch),
    journal: (actor, shard) =>
      new NatsJournal(link, {
        stream: names.streams.journal(dataset),
        subject: names.subjects.journal(dataset, actor, shard),
        codec: node.resolve(TOKENS.codec),
      }),
    blobs: node.resolve(TOKENS.recentProxies).before(datasetBlobs(link, names, dataset), dataset),
    snapshots: new NatsBlobs(link, names.objects.snapshots(dataset)),
    manifests: new NatsBlobs(link, names.objects.manifests(dataset)),
    vectors: datasetVectors(link, names, dataset),
    sharedVectors: new SharedCache(link, names.records.cache),
    heads: new NatsRecords(link, names.records.heads, { whenFull: 'wait' }),
    attempts: new NatsRecords(link, names.records.attempts, { whenFull: 'wait' }),
    contents: connectSources({ config: loaded, link, names, clock, guard: breakers.guard }),
    bodyBudget: node.resolve(TOKENS.bodyBudget),
    decodeBudget: node.resolve(TOKENS.decodeBudget),
    rates: new SourceRates({ rates: settings.sources.rates, clock }),
    ...breakers,
    erasure: connectErasure(link, names, dataset),
    clock,
    log: node.resolve(TOKENS.log),
    faults: node.resolve(TOKENS.faults),
    ...options,
  };
}

function workSource(
  link: NatsLink,
  names: SystemNames,
  dataset: string,
  stage: Stage,
  epoch: number | undefined,
) {
  const { streams, subjects } = names;
  return stage === 'intake'
    ? new NatsWorkSource(link, {
        stream: streams.intake(dataset),
        consumer: INTAKE_CONSUMER,
        subject: subjects.intake(dataset),
        ackWaitMs: ACK_WAIT_MS,
        maxAckPending: MAX_ACK_PENDING,
      })
    : new NatsWorkSource(link, {
        stream: streams.work(dataset, stage),
        consumer: stage,
        subject: subjects.work(dataset, stage),
        ...(epoch !== undefined && { ownedBy: epoch }),
        maxAckPending: (stage === 'held' ? HELD.maxAckPending : undefined) ?? MAX_ACK_PENDING,
        ackWaitMs: ACK_WAIT_MS,
      });
}
