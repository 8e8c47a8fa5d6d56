// Which server a command talks to and with what credentials: flags, then NATS_* variables, then a named context of
// the nats CLI, then the running laptop system, then the context that the nats CLI has selected.
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { CommandError, UsageError } from './command-error.ts';

/** The file in the data folder where a running laptop system leaves its address. */
export const SERVER_FILE = 'server.json';

/** Credentials as they were given; paths are not read here. */
export interface ServerCredentials {
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  /** Path of a credentials file (JWT and seed). */
  readonly creds?: string;
  /** Path of an NKEY seed file. */
  readonly nkey?: string;
  /** Paths of the client's certificate and key, and of the authority to trust. */
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
  readonly inboxPrefix?: string;
}

/** Where to connect. */
export interface ServerAddress extends ServerCredentials {
  /** One or more URLs. */
  readonly servers: readonly string[];
  /** Where the address came from, in words for messages. */
  readonly origin: string;
}

/** What the command line says about the server. */
export interface ServerOptions {
  readonly server?: string;
  readonly creds?: string;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  readonly nkey?: string;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly context?: string;
}

/** A system that was stopped leaves its file behind with another state. */
const laptopSchema = z.looseObject({
  state: z.literal('running').optional(),
  url: z.string().min(1),
  token: z.string().optional(),
  user: z.string().optional(),
  password: z.string().optional(),
});

const contextSchema = z.looseObject({
  url: z.string().optional(),
  user: z.string().optional(),
  password: z.string().optional(),
  token: z.string().optional(),
  creds: z.string().optional(),
  nkey: z.string().optional(),
  cert: z.string().optional(),
  key: z.string().optional(),
  ca: z.string().optional(),
  inbox_prefix: z.string().optional(),
});

type Context = Omit<ServerAddress, 'servers' | 'origin'> & { readonly url?: string };

/**
 * Finds the server for a command.
 * @throws UsageError when the named context does not exist or cannot be read; CommandError `no_running_system`
 * when nothing names a server.
 */
export function resolveServerAddress(options: {
  readonly flags: ServerOptions;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly dataDir: string;
  /** The text of a file, `undefined` when it is not there. */
  readonly readText: (path: string) => string | undefined;
}): ServerAddress {
  const { flags, env, dataDir, readText } = options;
  const contextName = flags.context ?? env.NATS_CONTEXT;
  const context = contextName === undefined ? undefined : readContext(contextName, env, readText);
  const given = withoutEmpty({
    ...context,
    ...credentialsOf(env),
    ...withoutEmpty({
      user: flags.user,
      password: flags.password,
      token: flags.token,
      creds: flags.creds,
      nkey: flags.nkey,
      ca: flags.tlsCa,
      cert: flags.tlsCert,
      key: flags.tlsKey,
    }),
  });

  const url = flags.server ?? nonEmpty(env.NATS_URL) ?? context?.url;
  if (url !== undefined) {
    const origin =
      flags.server !== undefined
        ? '--server'
        : nonEmpty(env.NATS_URL) !== undefined
          ? 'NATS_URL'
          : `context ${contextName}`;
    return address(url, given, origin);
  }

  const laptop = readLaptop(dataDir, readText);
  if (laptop !== undefined) {
    const { url: laptopUrl, token, user, password } = laptop;
    return address(
      laptopUrl,
      { ...withoutEmpty({ token, user, password }), ...given },
      join(dataDir, SERVER_FILE),
    );
  }

  const selected = readText(join(contextFolder(env), '..', 'context.txt'))?.trim();
  if (selected !== undefined && selected !== '') {
    const { url: contextUrl, ...credentials } = readContext(selected, env, readText);
    if (contextUrl !== undefined) {
      return address(contextUrl, { ...credentials, ...given }, `selected context ${selected}`);
    }
  }
  throw new CommandError(
    'no_running_system',
    `no running system found in ${dataDir}; start one with \`troupe up\` or give --server`,
  );
}

function address(url: string, found: Context, origin: string): ServerAddress {
  const { url: _, ...credentials } = found;
  const servers = url
    .split(',')
    .map((server) => server.trim())
    .filter((server) => server !== '');
  return { ...credentials, servers, origin };
}

function credentialsOf(env: Readonly<Record<string, string | undefined>>): ServerCredentials {
  return withoutEmpty({
    user: env.NATS_USER,
    password: env.NATS_PASSWORD,
    token: env.NATS_TOKEN,
    creds: env.NATS_CREDS,
    nkey: env.NATS_NKEY,
    cert: env.NATS_CERT,
    key: env.NATS_KEY,
    ca: env.NATS_CA,
    inboxPrefix: env.NATS_INBOX_PREFIX,
  });
}

/** The variables by which another process of this program gets the same credentials. */
export function credentialVariables(given: ServerCredentials): Readonly<Record<string, string>> {
  const { user, password, token, creds, nkey, cert, key, ca, inboxPrefix } = given;
  return withoutEmpty({
    NATS_USER: user,
    NATS_PASSWORD: password,
    NATS_TOKEN: token,
    NATS_CREDS: creds,
    NATS_NKEY: nkey,
    NATS_CERT: cert,
    NATS_KEY: key,
    NATS_CA: ca,
    NATS_INBOX_PREFIX: inboxPrefix,
  }) as Readonly<Record<string, string>>;
}

function readLaptop(
  dataDir: string,
  readText: (path: string) => string | undefined,
): z.output<typeof laptopSchema> | undefined {
  const text = readText(join(dataDir, SERVER_FILE));
  const parsed = text === undefined ? undefined : laptopSchema.safeParse(parseJson(text));
  return parsed?.success === true ? parsed.data : undefined;
}

function contextFolder(env: Readonly<Record<string, string | undefined>>): string {
  const configHome = nonEmpty(env.XDG_CONFIG_HOME) ?? join(nonEmpty(env.HOME) ?? homedir(), '.config');
  return join(configHome, 'nats', 'context');
}

function readContext(
  name: string,
  env: Readonly<Record<string, string | undefined>>,
  readText: (path: string) => string | undefined,
): Context {
  const file = join(contextFolder(env), `${name}.json`);
  const isPlainName = !/[/\\]/.test(name) && name !== '..';
  const text = isPlainName ? readText(file) : undefined;
  if (text === undefined) {
    throw new UsageError(`expected a context of the nats CLI, got "${name}": there is no ${file}`);
  }
  const parsed = contextSchema.safeParse(parseJson(text));
  if (!parsed.success) throw new UsageError(`the context ${file} is no JSON object with url and credentials`);
  const { url, user, password, token, creds, nkey, cert, key, ca, inbox_prefix: inboxPrefix } = parsed.data;
  return withoutEmpty({ url, user, password, token, creds, nkey, cert, key, ca, inboxPrefix });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Not JSON: the schema refuses `undefined` and the caller says so.
    return undefined;
  }
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

/** The entries that hold a text; the nats CLI writes empty ones for what is not set. */
function withoutEmpty<T extends Readonly<Record<string, string | undefined>>>(
  entries: T,
): { readonly [K in keyof T]?: Exclude<T[K], undefined> } {
  const kept = Object.entries(entries).filter(([, text]) => text !== undefined && text !== '');
  return Object.fromEntries(kept) as { readonly [K in keyof T]?: Exclude<T[K], undefined> };
}
