// The keys of users: an nkey is an Ed25519 pair whose public half the server knows, and whose seed proves who we are.
import { readFileSync } from 'node:fs';
import { nkeys } from 'nats';
import type { Credentials } from './credentials.ts';

/** A pair of a user. */
export interface UserKey {
  /** `U…`, 56 characters. */
  readonly publicKey: string;
  /** The secret, as nkey files hold it. */
  readonly seed: string;
}

/** Makes a new pair. */
export function newUserKey(): UserKey {
  const pair = nkeys.createUser();
  const seed = new TextDecoder().decode(pair.getSeed());
  const publicKey = pair.getPublicKey();
  pair.clear();
  return { publicKey, seed };
}

const TOKEN = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * Whom the server takes us for, as one subject token: the public key of an nkey, the subject of a JWT, the user's name;
 * `anyone` for a token or nothing, which name nobody.
 */
export function identityOf({ creds, nkey, user }: Credentials): string {
  if (creds !== undefined) return tokenOr('anyone', subjectOfJwt(readFileSync(creds, 'utf8')));
  if (nkey !== undefined) {
    const pair = nkeys.fromSeed(new TextEncoder().encode(readFileSync(nkey, 'utf8').trim()));
    const publicKey = pair.getPublicKey();
    pair.clear();
    return publicKey;
  }
  return tokenOr('anyone', user);
}

function tokenOr(other: string, name: string | undefined): string {
  return name !== undefined && TOKEN.test(name) ? name : other;
}

function subjectOfJwt(credentials: string): string | undefined {
  const payload = /-----BEGIN NATS USER JWT-----\s*[\w-]+\.([\w-]+)\./.exec(credentials)?.[1];
  if (payload === undefined) return undefined;
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { readonly sub?: unknown };
  return typeof claims.sub === 'string' ? claims.sub : undefined;
}
