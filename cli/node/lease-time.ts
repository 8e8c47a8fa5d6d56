// How long the lease of a node is, unless the configuration says it.

const ALONE_MS = 10_000;
/**
 * A cluster whose server dies takes up to ten seconds (measured) to elect the next leader of the records in which
 * leases are renewed, and the last renewal was a third of a lease before that.
 */
const REPLICATED_MS = 20_000;

/** The lease time in ms of a node, by the copies that its system has. */
export function leaseTime(configuredMs: number | undefined, replicas: number): number {
  return configuredMs ?? (replicas > 1 ? REPLICATED_MS : ALONE_MS);
}
