// Connects the ports of one dataset's actors to JetStream.
import type { DependencyContainer } from 'tsyringe';
import {
  type ContentSource,
  type DatasetConfig,
  type DatasetPorts,
  FileSource,
  ItemFailure,
  imageKind,
  SchemeSource,
  type Stage,
} from '#actors';
import {
  INTAKE_CONSUMER,
  NatsBlobs,
  NatsJournal,
  type NatsLink,
  NatsRecords,
  NatsUploads,
  NatsWorkSource,
  type SystemNames,
  streamState,
  UploadNotFound,
  UploadTooLarge,
} from '#nats';
import { ACK_WAIT_MS } from './dataset-topology.ts';
import { TOKENS } from './tokens.ts';

/** Ports of `dataset` under `config`. */
export async function connectPorts(
  node: DependencyContainer,
  dataset: string,
  config: DatasetConfig,
  options: Pick<DatasetPorts, 'model' | 'meter' | 'fenced'>,
): Promise<DatasetPorts> {
  const link = node.resolve(TOKENS.link);
  const names = node.resolve(TOKENS.names);
  const clock = node.resolve(TOKENS.clock);
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
      }),
    blobs: new NatsBlobs(link, names.objects.blobs(dataset)),
    snapshots: new NatsBlobs(link, names.objects.snapshots(dataset)),
    manifests: new NatsBlobs(link, names.objects.manifests(dataset)),
    vectors: new NatsBlobs(link, names.objects.vectors(dataset)),
    heads: new NatsRecords(link, names.records.heads),
    attempts: new NatsRecords(link, names.records.attempts),
    contents: new SchemeSource({
      file: new FileSource(node.resolve(TOKENS.config).fileRoots),
      obj: uploadSource(link, names),
    }),
    clock,
    log: node.resolve(TOKENS.log),
    random: node.resolve(TOKENS.random),
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
      })
    : new NatsWorkSource(link, {
        stream: streams.work(dataset, stage),
        consumer: stage,
        subject: subjects.work(dataset, stage),
        ...(epoch !== undefined && { ownedBy: epoch }),
        ackWaitMs: ACK_WAIT_MS,
      });
}

/** `obj://` references name bodies in this system's own uploads bucket. */
function uploadSource(link: NatsLink, names: SystemNames): ContentSource {
  const uploads = new NatsUploads(link, names.objects.uploads);
  return {
    async read(uri, { maxBytes }) {
      try {
        return await uploads.read(uri, maxBytes);
      } catch (cause) {
        if (cause instanceof UploadNotFound) throw new ItemFailure('not_found', cause.message, { cause });
        if (cause instanceof UploadTooLarge) throw new ItemFailure('too_large', cause.message, { cause });
        throw cause;
      }
    },
  };
}
