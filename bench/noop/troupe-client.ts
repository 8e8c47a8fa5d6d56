// Five stages of the pipeline, each the production's own stage actor over its own work stream, with handlers that read
// the message, as every stage does, and pass it on. Usage: troupe-client.ts URL TOKEN
import { z } from 'zod';
import {
  deleteDataset,
  ensureDataset,
  ensureSystem,
  INTAKE_CONSUMER,
  NatsLink,
  NatsRecords,
  NatsWorkSource,
  namesOf,
  streamState,
  VersionedCodec,
} from '#nats';
import { type ActorSpec, ActorSystem, noFaults, systemClock } from '#runtime';
import type { QueueStage, StagePorts } from '../../actors/pipeline/dataset-ports.ts';
import { carriedOn } from '../../actors/pipeline/item-tracer.ts';
import { queuedItem } from '../../actors/pipeline/queued-item.ts';
import { type StageMessage, stageActor } from '../../actors/pipeline/stage.ts';
import { noMeter } from '../../actors/pipeline/stage-meter.ts';
import { ACK_WAIT_MS, MAX_ACK_PENDING } from '../../cli/node/dataset-topology.ts';
import { Arrivals, FIRST_BULK, type NoopOrder, payloadOf } from './protocol.ts';
import { type NoopRun, serveOrders } from './serve-orders.ts';

const SYSTEM = 'troupe';
/** After the intake, in the order in which a message passes them. */
const QUEUES = ['embed', 'dedup', 'score', 'keep'] as const satisfies readonly QueueStage[];

const messageSchema = z.object({ sequence: z.number().int().positive(), payload: z.string() });

const [url = '', token = ''] = process.argv.slice(2);
const names = namesOf(SYSTEM);
const link = await NatsLink.connect({ servers: url, token, name: 'bench' });
await ensureSystem(link, { system: SYSTEM });

serveOrders(prepare, () => link.close());

async function prepare({ round: dataset, items, payloadBytes, tuning }: NoopOrder): Promise<NoopRun> {
  await ensureDataset(link, dataset, {
    system: SYSTEM,
    stages: QUEUES.map((name) => ({ name, consumer: 'shared' })),
    ackWaitMs: ACK_WAIT_MS,
    maxAckPending: MAX_ACK_PENDING,
  });
  const arrivals = new Arrivals(items);
  const system = await ActorSystem.start({
    name: 'bench',
    root: {
      type: 'supervisor',
      id: 'root',
      strategy: 'one_for_one',
      children: stagesOf(await portsOf(dataset, arrivals), tuning.atOnce, arrivals),
    },
  });
  const data = new TextEncoder().encode(payloadOf(payloadBytes));
  return {
    start: async () => {
      const subject = names.subjects.intake(dataset);
      for (let first = 0; first < items; first += FIRST_BULK) {
        const bulk = Array.from({ length: Math.min(FIRST_BULK, items - first) }, (_, at) => first + at);
        await Promise.all(bulk.map((id) => link.publisher.publish({ subject, data, id: `item-${id}` })));
      }
      await arrivals.complete;
      // The acknowledgements are with the server.
      await link.flush();
    },
    finish: async () => {
      await system.stop();
      for (const stream of streamsOf(dataset)) {
        const { messages } = await streamState(link, stream);
        if (messages > 0) throw new Error(`${messages} messages are left in ${stream}`);
      }
      await deleteDataset(link, dataset, SYSTEM);
      return arrivals.counts;
    },
  };
}

async function portsOf(dataset: string, arrivals: Arrivals): Promise<StagePorts> {
  const { created } = await streamState(link, names.streams.intake(dataset));
  return {
    dataset,
    incarnation: Date.parse(created).toString(36),
    subjects: {
      work: (stage) => names.subjects.work(dataset, stage),
      dead: (stage) => names.subjects.dead(dataset, stage),
      outcome: (outcome) => names.subjects.outcome(dataset, outcome),
    },
    codec: new VersionedCodec(),
    publisher: link.publisher,
    source: (stage) => {
      const [stream, consumer, subject] =
        stage === 'intake'
          ? [names.streams.intake(dataset), INTAKE_CONSUMER, names.subjects.intake(dataset)]
          : [names.streams.work(dataset, stage), stage, names.subjects.work(dataset, stage)];
      return new NatsWorkSource(link, { stream, consumer, subject, ackWaitMs: ACK_WAIT_MS });
    },
    attempts: new NatsRecords(link, names.records.attempts, { whenFull: 'wait' }),
    clock: systemClock,
    faults: noFaults,
    // A message leaves its stage when it is acknowledged.
    meter: {
      ...noMeter,
      left: (stage) => {
        if (stage === 'keep') arrivals.acknowledged();
      },
    },
    tracer: carriedOn,
  };
}

function stagesOf(ports: StagePorts, atOnce: number, arrivals: Arrivals): readonly ActorSpec<StageMessage>[] {
  const limits = { maxBatch: atOnce, prefetch: 2 * atOnce };
  const queued = queuedItem(ports.codec, messageSchema);
  const intake = stageActor(ports, {
    ...limits,
    stage: 'intake',
    id: 'intake',
    identify: ({ sequence }) => ({ sequence, id: null }),
    handler: () => async (batch) =>
      batch.map(({ sequence, data }) => {
        const message = { sequence, payload: new TextDecoder().decode(data) };
        return { effects: [{ stage: QUEUES[0], sequence, message }] };
      }),
  });
  const others = QUEUES.map((stage, at) => {
    const next = QUEUES[at + 1];
    return stageActor(ports, {
      ...limits,
      stage,
      id: stage,
      identify: queued.identify,
      handler: () => async (batch) =>
        batch.map((delivery) => {
          const message = queued.read(delivery);
          if (next !== undefined) return { effects: [{ stage: next, sequence: message.sequence, message }] };
          arrivals.arrived(message.sequence);
          return { effects: [] };
        }),
    });
  });
  return [intake, ...others];
}

function streamsOf(dataset: string): readonly string[] {
  return [names.streams.intake(dataset), ...QUEUES.map((stage) => names.streams.work(dataset, stage))];
}
