// Turns the address that a command found into options for the NATS connection; credential files are read here.
import { readFileSync } from 'node:fs';
import type { ConnectOptions } from '#nats';
import { UsageError } from '../command-error.ts';
import type { ServerAddress } from '../server-address.ts';

type Address = Pick<ServerAddress, 'servers'> & Partial<ServerAddress>;

/** @throws UsageError when a credentials file cannot be read. */
export function connectOptions(address: Address): Pick<ConnectOptions, 'servers'> & Partial<ConnectOptions> {
  const { user, password, token, creds, nkey, cert, key, ca, inboxPrefix } = address;
  const tls = { ...(cert && { certFile: cert }), ...(key && { keyFile: key }), ...(ca && { caFile: ca }) };
  return {
    servers: address.servers.join(','),
    ...(user !== undefined && { user }),
    ...(password !== undefined && { pass: password }),
    ...(token !== undefined && { token }),
    ...(creds !== undefined && { creds: readSecret(creds) }),
    ...(nkey !== undefined && { nkey: readSecret(nkey) }),
    ...(inboxPrefix !== undefined && { inboxPrefix }),
    ...(Object.keys(tls).length > 0 && { tls }),
  };
}

function readSecret(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new UsageError(`expected a readable credentials file, got ${path}`, { cause });
  }
}
