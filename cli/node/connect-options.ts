// Turns the address that a command found into options for the NATS connection and checks that the files it names are there.
import { accessSync, constants } from 'node:fs';
import type { ConnectOptions } from '#nats';
import { UsageError } from '../command-error.ts';
import type { ServerAddress } from '../server-address.ts';

type Address = Pick<ServerAddress, 'servers'> & Partial<ServerAddress>;

/** @throws UsageError when a credentials file cannot be read. */
export function connectOptions(address: Address): Pick<ConnectOptions, 'servers'> & Partial<ConnectOptions> {
  const { user, password, token, creds, nkey, cert, key, ca, inboxPrefix } = address;
  const tls = {
    ...(cert !== undefined && { certFile: readable(cert) }),
    ...(key !== undefined && { keyFile: readable(key) }),
    ...(ca !== undefined && { caFile: readable(ca) }),
  };
  return {
    servers: address.servers.join(','),
    ...(user !== undefined && { user }),
    ...(password !== undefined && { pass: password }),
    ...(token !== undefined && { token }),
    ...(creds !== undefined && { creds: readable(creds) }),
    ...(nkey !== undefined && { nkey: readable(nkey) }),
    ...(inboxPrefix !== undefined && { inboxPrefix }),
    ...(Object.keys(tls).length > 0 && { tls }),
  };
}

/** The path itself: the connection reads the file at each connect, so that renewed credentials count. */
function readable(path: string): string {
  try {
    accessSync(path, constants.R_OK);
    return path;
  } catch (cause) {
    throw new UsageError(`expected a readable file of credentials or certificates, got ${path}`, { cause });
  }
}
