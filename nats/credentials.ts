// Turns what a person gives (token, user and password, credentials file, nkey seed file) into the authenticators of
// the NATS client. Files are read at each connect, so that renewed credentials count at the next reconnect.
import { readFileSync } from 'node:fs';
import { type Authenticator, credsAuthenticator, nkeyAuthenticator } from 'nats';

/** How to prove who we are; at most one way is used: creds, then nkey, then user and password, then token. */
export interface Credentials {
  readonly token?: string;
  readonly user?: string;
  readonly pass?: string;
  /** Path of a credentials file (JWT and seed), as `nats --creds` takes it. */
  readonly creds?: string;
  /** Path of a file with an nkey seed, as `nats --nkey` takes it. */
  readonly nkey?: string;
}

/** The client's options for these credentials. Throws where a file cannot be read. */
export function credentialOptions(credentials: Credentials): {
  readonly token?: string;
  readonly user?: string;
  readonly pass?: string;
  readonly authenticator?: Authenticator;
} {
  const { creds, nkey, user, pass, token } = credentials;
  if (creds !== undefined) {
    readFileSync(creds);
    return { authenticator: (nonce) => credsAuthenticator(readFileSync(creds))(nonce) };
  }
  if (nkey !== undefined) {
    readFileSync(nkey);
    return { authenticator: (nonce) => nkeyAuthenticator(seedOf(nkey))(nonce) };
  }
  if (user !== undefined) return pass === undefined ? { user } : { user, pass };
  return token === undefined ? {} : { token };
}

function seedOf(file: string): Uint8Array {
  return new TextEncoder().encode(readFileSync(file, 'utf8').trim());
}
