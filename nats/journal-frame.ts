// One message of a journal: what kind of frame it is, the owner's epoch, the last two snapshots that count, and the
// events of one append. The pointers ride in every frame, so that the subject's last message alone tells a new owner
// where to start.
import type { Codec, SnapshotPointer } from '#runtime';
import { CodecError } from './errors.ts';

/** What a frame is for. */
export type FrameKind = 'owned' | 'events' | 'snapshot';

/** The newest snapshots that count, newest first; at most two. */
export type Snapshots = readonly SnapshotPointer[];

/** A decoded frame. */
export interface Frame {
  readonly kind: FrameKind;
  readonly epoch: number;
  readonly snapshots: Snapshots;
  readonly events: readonly unknown[];
}

const KINDS: readonly FrameKind[] = ['owned', 'events', 'snapshot'];

/** Encodes a frame: kind, epoch, snapshot pointers, events. */
export function encodeFrame(frame: Frame, codec: Codec): Uint8Array {
  const pointers = frame.snapshots.map(({ sequence, digest }) => [sequence, digest]);
  return codec.encode([KINDS.indexOf(frame.kind), frame.epoch, pointers, frame.events]);
}

/**
 * Decodes a frame.
 * @throws CodecError for anything else
 */
export function decodeFrame(bytes: Uint8Array, codec: Codec): Frame {
  const value = codec.decode(bytes);
  if (!Array.isArray(value) || value.length !== 4) throw new CodecError('not a journal frame');
  const [kindIndex, epoch, pointers, events] = value as unknown[];
  const kind = typeof kindIndex === 'number' ? KINDS[kindIndex] : undefined;
  if (kind === undefined || typeof epoch !== 'number' || !Array.isArray(pointers) || !Array.isArray(events)) {
    throw new CodecError('not a journal frame: expected kind, epoch, snapshots and events');
  }
  return { kind, epoch, snapshots: pointers.map(decodePointer), events };
}

/**
 * Encodes the events of one append as one frame, or as several where it is larger than `maxBytes`: then split in
 * halves, between events only, each as small as needed. An event larger than that has a frame of its own.
 */
export function* encodeEvents(
  frame: Omit<Frame, 'kind'>,
  maxBytes: number,
  codec: Codec,
): Generator<Uint8Array, void> {
  const bytes = encodeFrame({ ...frame, kind: 'events' }, codec);
  if (bytes.length <= maxBytes || frame.events.length === 1) {
    yield bytes;
    return;
  }
  const middle = frame.events.length >> 1;
  yield* encodeEvents({ ...frame, events: frame.events.slice(0, middle) }, maxBytes, codec);
  yield* encodeEvents({ ...frame, events: frame.events.slice(middle) }, maxBytes, codec);
}

function decodePointer(value: unknown): SnapshotPointer {
  const [sequence, digest] = Array.isArray(value) ? (value as unknown[]) : [];
  if (typeof sequence !== 'number' || typeof digest !== 'string') {
    throw new CodecError('not a journal frame: a snapshot pointer is a sequence and a digest');
  }
  return { sequence, digest };
}
