// A supervision event as it is published on `troupe.events.<node>.<kind>` and read back: JSON with ids, codes and numbers
// only. Of a message between actors its type is told, never what it holds.
import { z } from 'zod';
import { type ClusterEvent, parseShardKey, type SystemEvent } from '#runtime';
import { durationText } from '../duration-text.ts';

/** Where an event happened. */
export interface EventOrigin {
  readonly node: string;
  readonly dataset: string;
}

/** The body of an event's message. */
export function encodeEvent(event: SystemEvent, origin: EventOrigin): Uint8Array {
  const { type, atMs, path, ...rest } = event;
  const told = { type, atMs, ...origin, path, ...rest };
  const plain = event.type === 'dead_letter' ? { ...told, message: typeOf(event.message) } : told;
  return Buffer.from(
    JSON.stringify(plain, (_key, value: unknown) =>
      value instanceof Error ? { name: value.name, message: value.message } : value,
    ),
  );
}

/** The same for what happens between nodes; `observer` is the node that tells of it. */
export function encodeClusterEvent(event: ClusterEvent, observer: string): Uint8Array {
  return Buffer.from(JSON.stringify({ type: event.type, atMs: event.atMs, ...told(event, observer) }));
}

function told(event: ClusterEvent, observer: string): object {
  switch (event.type) {
    case 'handoff': {
      const { shard: path, phase, epoch, node, target, retryMs, error } = event;
      const failure = error && { name: error.name, message: error.message };
      return {
        node,
        dataset: parseShardKey(path).dataset,
        path,
        phase,
        epoch,
        target,
        retryMs,
        error: failure,
      };
    }
    case 'member':
      return { node: observer, path: `nodes/${event.node}`, state: event.state };
    case 'coordinator':
      return { node: event.node, path: 'coordinator' };
  }
}

function typeOf(message: unknown): string {
  const { type } = (typeof message === 'object' && message !== null ? message : {}) as {
    readonly type?: unknown;
  };
  return typeof type === 'string' ? type : typeof message;
}

const recordSchema = z.looseObject({
  type: z.string(),
  atMs: z.number(),
  node: z.string().default(''),
  dataset: z.string().default(''),
  path: z.string(),
});

/** An event as it was read; the fields of its kind come as they are. */
export type EventRecord = z.infer<typeof recordSchema>;

/** The event in a message's body; undefined for what is none. */
export function decodeEvent(body: Uint8Array): EventRecord | undefined {
  try {
    return recordSchema.parse(JSON.parse(Buffer.from(body).toString()));
  } catch {
    return undefined;
  }
}

/** One line for people: time, node, kind, path, and what the kind tells. */
export function eventLine({ type, atMs, node, dataset: _, path, ...facts }: EventRecord): string {
  const time = new Date(atMs).toISOString().slice(0, 23).replace('T', ' ');
  const told = Object.entries(facts).map(([name, value]) => factText(name, value));
  return `${time}  ${node}  ${type.padEnd(11)}  ${path}  ${told.filter((text) => text !== '').join(', ')}`.trimEnd();
}

function factText(name: string, value: unknown): string {
  if (typeof value === 'number' && name.endsWith('Ms')) {
    return `${name.slice(0, -2)} ${durationText(value)}`;
  }
  if (typeof value === 'object' && value !== null && 'message' in value && 'name' in value) {
    return `${String(value.name)}: ${String(value.message)}`;
  }
  // The paths of a restart are those of its own place and siblings: worth a word only where there are several.
  if (Array.isArray(value)) return value.length > 1 ? `${name} ${value.join(' ')}` : '';
  return `${name} ${String(value)}`;
}
