// Named places at which a chaos test kills the process, such as between an append and its publish. Production
// code only says that it has reached one; whether that has an effect is decided where the process is composed.

/** Told of each named place that the code passes. */
export interface FaultPoints {
  reach(point: string): void;
}

/** Nothing happens at any place. */
export const noFaults: FaultPoints = { reach() {} };

/** A fault that was asked for in a form nobody understands. */
export class InvalidFaultSpec extends Error {
  override readonly name = 'InvalidFaultSpec';
  readonly code = 'invalid_fault_spec';
}

/**
 * Kills this process with SIGKILL when a place is reached for the nth time.
 * @param spec `point:n`, n from 1
 * @param kill what to do then; tests pass their own
 * @throws InvalidFaultSpec
 */
export function killAt(spec: string, kill: () => void = killThisProcess): FaultPoints {
  const parsed = /^(.+):([1-9]\d*)$/.exec(spec);
  if (parsed === null) throw new InvalidFaultSpec(`expected point:n with n from 1, but it was "${spec}"`);
  const [, chosen, count] = parsed;
  let left = Number(count);
  return {
    reach(point) {
      if (point !== chosen) return;
      left -= 1;
      if (left === 0) kill();
    },
  };
}

function killThisProcess(): void {
  process.kill(process.pid, 'SIGKILL');
}
