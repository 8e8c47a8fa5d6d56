// Why a node ended, as whoever started it is told.
import { CommandError } from '../command-error.ts';
import { type EscalationReport, reportLines } from './escalation-report.ts';

/** Why a node ended by itself; undefined after `stop`. */
export type NodeEnd =
  | { readonly reason: 'restart_intensity'; readonly error: Error; readonly report: EscalationReport }
  | { readonly reason: 'fenced' | 'connection' | 'lease'; readonly error: Error }
  | undefined;

/** Why a node could not start, as one of the errors that commands fail with. */
export function asStartFailure(end: NonNullable<NodeEnd>): Error {
  if (end.reason !== 'restart_intensity') return end.error;
  const { error: cause, report } = end;
  return new CommandError('restart_intensity', reportLines(report).join('\n'), { cause });
}
