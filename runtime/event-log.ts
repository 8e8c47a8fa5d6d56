// Writes what a system tells of itself to its log, each kind at its level: normal operation stays quiet, and
// what concerns single messages is written at debug at most.
import type { Logger } from './ports.ts';
import type { SystemHappening } from './system-event.ts';

/** Writes one line for a happening. */
export function logHappening(log: Logger, happening: SystemHappening): void {
  const { type, path, ...fields } = happening;
  switch (happening.type) {
    case 'crashed':
      log.warn({ path, during: happening.during, err: happening.error }, 'actor crashed');
      break;
    case 'escalated':
      log.error({ path, err: happening.error }, 'supervisor used up its restarts');
      break;
    case 'abandoned':
      log.warn({ path, ...fields }, 'actor did not stop in time');
      break;
    case 'restarting':
    case 'restarted':
      log.info({ path, ...fields }, type);
      break;
    case 'breaker':
      if (happening.state === 'open') log.warn({ path, ...breakerFields(happening) }, 'breaker opened');
      else log.info({ path, ...breakerFields(happening) }, 'breaker changed');
      break;
    case 'dead_letter':
      // The message itself may hold what no log should.
      log.debug({ path, reason: happening.reason }, 'dead letter');
      break;
    case 'started':
    case 'stopped':
      log.debug({ path, ...fields }, type);
      break;
  }
}

function breakerFields({ name, state, retryMs, error }: Extract<SystemHappening, { type: 'breaker' }>) {
  return { name, state, ...(retryMs !== undefined && { retryMs }), ...(error && { err: error }) };
}
