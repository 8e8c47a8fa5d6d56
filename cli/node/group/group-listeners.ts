// Where the nodes of a group answer for metrics and health: each at a port of its own, from the configured one on.
import { UsageError } from '../../command-error.ts';
import type { Config } from '../../config/index.ts';

/**
 * `HOST:PORT` of each node; empty without a port.
 * @throws UsageError where not every node can have one
 */
export function groupListeners(nodes: number, { host, port }: Config['node']['http']): readonly string[] {
  if (port === undefined) return [];
  if (port === 0 || port + nodes - 1 > 65_535) {
    throw new UsageError(
      `expected with --nodes ${nodes} an HTTP port from 1 to ${65_536 - nodes}, one for each node from it on, got ${port}`,
    );
  }
  const shown = host.includes(':') ? `[${host}]` : host;
  return Array.from({ length: nodes }, (_, at) => `${shown}:${port + at}`);
}
