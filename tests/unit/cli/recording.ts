// Stand-ins for the process: a stream that remembers what was written and a clock that moves when told.
import type { Clock } from '#runtime';
import type { OutputStream } from '../../../cli/terminal.ts';

/** A stream that remembers what was written to it. */
export interface RecordingStream extends OutputStream {
  text(): string;
}

/** A stream that is a terminal of 80 columns, or a pipe. */
export function recordingStream(isTTY = false): RecordingStream {
  let written = '';
  return {
    isTTY,
    columns: 80,
    write(text) {
      written += text;
    },
    text: () => written,
  };
}

/** A clock at 0 ms that only `advance` moves; scheduled actions never run. */
export function steppedClock(): Clock & { advance(ms: number): void } {
  let nowMs = 0;
  return {
    monotonicMs: () => nowMs,
    wallMs: () => nowMs,
    schedule: () => () => undefined,
    advance(ms) {
      nowMs += ms;
    },
  };
}
