// TLS of a connection: whom the server's certificate has to name, and what a refused one means.
import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import type { TlsOptions } from 'nats';

/**
 * The client's options. It says no server name for an address, so that Node would take a certificate for `localhost` from
 * any: here the certificate has to be for one of the addresses that were asked for.
 */
export function tlsOptions(tls: TlsOptions, servers: readonly string[]): TlsOptions {
  const addresses = servers.map(hostOf).filter((host) => isIP(host) !== 0);
  const asksLocalhost = servers.some((server) => hostOf(server) === 'localhost');
  const check = (host: string, certificate: PeerCertificate): Error | undefined => {
    const named = host !== 'localhost' && host !== '' && isIP(host) === 0;
    if (named || (asksLocalhost && addresses.length === 0)) return checkServerIdentity(host, certificate);
    const candidates = asksLocalhost ? [...addresses, 'localhost'] : addresses;
    const problems = candidates.map((address) => checkServerIdentity(address, certificate));
    return problems.includes(undefined) ? undefined : problems[0];
  };
  return { ...tls, checkServerIdentity: check } as TlsOptions;
}

/** Why a certificate was refused, in words; undefined for an error that is about something else. */
export function certificateProblem(cause: unknown): string | undefined {
  for (let error = cause; error instanceof Error; error = error.cause) {
    const { code = '' } = error as { readonly code?: string };
    const words = WORDS[code];
    if (words !== undefined) return `${words} (${code})`;
    // What the server says of a certificate of ours that it refuses.
    if (code.startsWith('ERR_SSL_') && /certificate/i.test(code)) {
      return `the server refused this client's certificate (${code})`;
    }
  }
  return undefined;
}

const UNKNOWN_AUTHORITY = 'its certificate is not signed by the authority that is trusted here';
const WORDS: Readonly<Record<string, string>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_AUTHORITY,
  CERT_SIGNATURE_FAILURE: UNKNOWN_AUTHORITY,
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate does not count yet, by the clock of this machine',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
};

function hostOf(server: string): string {
  try {
    const { hostname } = new URL(server.includes('://') ? server : `nats://${server}`);
    return hostname.replace(/^\[|\]$/g, '');
  } catch {
    return server;
  }
}
