// How the system's streams are kept, as `status` tells it: how many copies there are, where some are missing, and
// what is full.
import { type StreamHealth, streamHealth } from '#nats';
import type { ClientSystem } from './client-system.ts';
import { fullStreams } from './full-storage.ts';

export interface StorageStatus {
  /** Copies that every stream and bucket has at least. */
  readonly replicas: number;
  readonly problems: readonly string[];
  /** Those of the problems that are streams without room. */
  readonly full: readonly string[];
}

export async function readStorage(system: ClientSystem): Promise<StorageStatus> {
  const { names, link } = system;
  return storageStatus(await streamHealth(link, names.system), names.system);
}

export function storageStatus(streams: readonly StreamHealth[], system: string): StorageStatus {
  const led = streams.filter((stream) => stream.led);
  const full = fullStreams(led, system);
  return {
    replicas: led.length === 0 ? 0 : Math.min(...led.map(({ replicas }) => replicas)),
    problems: [...leaderProblems(streams), ...copyProblems(led), ...full],
    full,
  };
}

function leaderProblems(streams: readonly StreamHealth[]): readonly string[] {
  const names = streams.filter(({ led }) => !led).map(({ stream }) => stream);
  if (names.length === 0) return [];
  return [
    `${names.length} of ${streams.length} streams have no leader (${shortList(names)}): nothing can be stored in them ` +
      'until most of their servers run',
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
  return [...lacking].sort().map(([server, { streams: count, offline }]) => {
    const state = offline ? 'is offline' : 'is behind';
    const consequence = 'until it has caught up, the loss of another server stops them';
    return `NATS server ${server} ${state} for ${count} of ${streams.length} streams: ${consequence}`;
  });
}

function shortList(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(', ');
  return names.length <= 3 ? shown : `${shown}, …`;
}
