// Keepers over the ports of a dataset in memory, asked and fed as their neighbours do it.
import { expect } from 'vitest';
import type { ActorSystem, FaultPoints, SystemEvent } from '#runtime';
import type { DatasetConfig } from '../../actors/config/index.ts';
import { keeperActor } from '../../actors/keeper/keeper.ts';
import type {
  CutAnswer,
  KeeperAnswer,
  KeeperMessage,
  KeeperRequest,
} from '../../actors/keeper/keeper-messages.ts';
import { ManifestStore } from '../../actors/keeper/manifest-store.ts';
import type { OutcomeMessage } from '../../actors/keeper/outcomes.ts';
import type { DatasetPorts } from '../../actors/pipeline/dataset-ports.ts';
import { blobKeys, type KeepMessage, type Payload } from '../../actors/pipeline/messages.ts';
import { judgingContext } from '../../actors/rules/judging-context.ts';
import { sha } from './ledger-messages.ts';
import { type MemoryDataset, memoryCodec, numberKind } from './memory-ports.ts';
import { startActors } from './start-actors.ts';

const systems: ActorSystem[] = [];

export interface RunningKeeper {
  readonly system: ActorSystem;
  readonly events: SystemEvent[];
  readonly configDigest: string;
  ask<A extends KeeperAnswer>(request: KeeperRequest): Promise<A>;
  cut(): Promise<CutAnswer>;
  keep(...messages: readonly KeepMessage[]): Promise<void>;
}

/** A keeper over the dataset's ports; `score` and `faults` are those of this node. */
export async function startKeeper(
  dataset: MemoryDataset,
  options: {
    readonly config?: DatasetConfig;
    readonly faults?: FaultPoints;
    /** What the dataset will be once its contents are compared anew. */
    readonly next?: Pick<DatasetPorts, 'config' | 'generation'>;
    readonly switched?: (generation: number) => void;
  } = {},
): Promise<RunningKeeper> {
  const events: SystemEvent[] = [];
  const config = options.config ?? dataset.ports.config;
  const { faults, next, switched } = options;
  const ports: DatasetPorts = {
    ...dataset.ports,
    config,
    ...(faults && { faults }),
    ...(next && { next: { ...dataset.ports, ...next } }),
    ...(switched && { switched }),
  };
  const judging = judgingContext(config, numberKind, ports.model);
  const system = await startActors(dataset, [keeperActor(ports, judging)], {
    intensity: { maxRestarts: 50, withinMs: 60_000 },
    onEvent: (event) => void events.push(event),
  });
  systems.push(system);
  const ref = system.ref<KeeperMessage>('keeper');
  const ask = <A extends KeeperAnswer>(request: KeeperRequest) =>
    ref.ask<KeeperAnswer>((reply) => ({ type: 'request', request, reply }), {
      timeoutMs: 600_000,
    }) as Promise<A>;
  return {
    system,
    events,
    configDigest: judging.configDigest,
    ask,
    cut: () => ask<CutAnswer>({ op: 'cut' }),
    keep: async (...messages) => {
      // As judged under this node's configuration, unless the message says otherwise.
      const own = messages.map((message) =>
        message.type === 'judged' && message.config === sha('config')
          ? { ...message, config: judging.configDigest }
          : message,
      );
      dataset.queue('keep').add(...own.map((message) => ({ data: memoryCodec.encode(message) })));
      await dataset.clock.advance(1);
    },
  };
}

/** Stops all keepers that were started. */
export async function stopKeepers(): Promise<void> {
  for (const system of systems.splice(0)) await system.stop();
}

/** The manifests of a dataset. */
export function manifestsOf({ ports }: MemoryDataset): ManifestStore {
  return new ManifestStore({ dataset: ports.dataset, blobs: ports.manifests, heads: ports.heads });
}

/** What was told to subscribers, as `outcome id` by publication. */
export function outcomes({ publisher }: MemoryDataset): string[] {
  return publisher.stored
    .filter(({ subject }) => subject.startsWith('outcome.'))
    .map(({ subject, data }) => {
      const message = JSON.parse(Buffer.from(data).toString()) as OutcomeMessage;
      expect(subject).toBe(`outcome.${message.outcome}`);
      return `${message.outcome} ${message.id}`;
    });
}

/** Stores what the publisher of an item gave. */
export async function putPayload(
  dataset: MemoryDataset,
  item: string,
  change: Partial<Payload> & Pick<Payload, 'id'>,
): Promise<void> {
  const payload: Payload = {
    source: 'default',
    time: null,
    metadata: {},
    content: null,
    mediaType: null,
    location: 'blob:',
    ...change,
  };
  await dataset.blobs.put(blobKeys.payload(item), memoryCodec.encode(payload));
}
