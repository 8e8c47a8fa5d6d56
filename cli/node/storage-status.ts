// How the system's streams are kept, as `status` tells it: how many copies there are, where some are missing, and
// what is full.
import { noQuorum, recordStream, type StreamHealth, streamHealth } from '#nats';
import { pause } from '#runtime';
import type { ClientSystem } from './client-system.ts';
import { fullStreams } from './full-storage.ts';

export interface StorageStatus {
  /** Copies that every stream and bucket has at least. */
  readonly replicas: number;
  readonly problems: readonly string[];
  /** Those of the problems that are streams without room. */
  readonly full: readonly string[];
}

/** As long as an election may take. */
const ELECTION_MS = 10_000;
const LOOK_AGAIN_MS = 500;

/** @throws NoQuorum when the records of nodes, shards and datasets have no leader for longer than an election takes */
export async function readStorage({ names, link }: ClientSystem): Promise<StorageStatus> {
  const { clock } = link;
  const { nodes, shards, datasets } = names.records;
  const needed = new Set([nodes, shards, datasets].map(recordStream));
  const untilMs = clock.monotonicMs() + ELECTION_MS;
  for (;;) {
    const streams = await streamHealth(link, names.system);
    const isReadable = streams.every((stream) => {
      return !needed.has(stream.stream) || (stream.led && !hasLostQuorum(stream));
    });
    if (isReadable) return storageStatus(streams, names.system);
    if (clock.monotonicMs() > untilMs) throw await noQuorum(link);
    await pause(clock, LOOK_AGAIN_MS);
  }
}

export function storageStatus(streams: readonly StreamHealth[], system: string): StorageStatus {
  const led = streams.filter((stream) => stream.led);
  const full = fullStreams(led, system);
  return {
    replicas: led.length === 0 ? 0 : Math.min(...led.map(({ replicas }) => replicas)),
    problems: [...quorumProblems(streams), ...copyProblems(led), ...full],
    full,
  };
}

/** A leader that has lost most of the others goes on to answer for some seconds, and stores nothing. */
function hasLostQuorum({ led, replicas, behind }: StreamHealth): boolean {
  const running = replicas - behind.filter(({ offline }) => offline).length;
  return led && running * 2 <= replicas;
}

function quorumProblems(streams: readonly StreamHealth[]): readonly string[] {
  const line = (found: readonly StreamHealth[], what: string) => {
    const names = shortList(found.map(({ stream }) => stream));
    const consequence = 'nothing can be stored in them until most of their servers run';
    return found.length === 0
      ? []
      : [`${found.length} of ${streams.length} streams ${what} (${names}): ${consequence}`];
  };
  return [
    ...line(
      streams.filter(({ led }) => !led),
      'have no leader',
    ),
    ...line(streams.filter(hasLostQuorum), 'have lost most of their servers'),
  ];
}

/** One line for each server that lacks copies, however many streams it lacks. */
function copyProblems(streams: readonly StreamHealth[]): readonly string[] {
  const lacking = new Map<string, { streams: number; offline: boolean }>();
  for (const { behind } of streams) {
    for (const { server, offline } of behind) {
      const known = lacking.get(server);
      lacking.set(server, {
        streams: (known?.streams ?? 0) + 1,
        offline: offline || known?.offline === true,
      });
    }
  }
  const consequence = streams.some(hasLostQuorum)
    ? ''
    : ': until it has caught up, the loss of another server stops them';
  return [...lacking].sort().map(([server, { streams: count, offline }]) => {
    const state = offline ? 'is offline' : 'is behind';
    return `NATS server ${server} ${state} for ${count} of ${streams.length} streams${consequence}`;
  });
}

function shortList(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(', ');
  return names.length <= 3 ? shown : `${shown}, …`;
}
