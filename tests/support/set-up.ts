// A set-up of `troupe secure` in a folder of a test, for a server on this machine that the test starts by another configuration.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NatsLink } from '#nats';
import { SecurityFolder } from '../../cli/secure/security-folder.ts';
import { linkOf } from './secured-server.ts';

export class SetUp implements AsyncDisposable {
  readonly #root: string;
  readonly #folder: SecurityFolder;

  private constructor(root: string, folder: SecurityFolder) {
    this.#root = root;
    this.#folder = folder;
  }

  static async create(): Promise<SetUp> {
    const root = await mkdtemp(join(tmpdir(), 'troupe-set-up-'));
    const plan = { system: 'troupe', hosts: ['localhost', '127.0.0.1'], port: 4222, days: 30 };
    return new SetUp(root, await SecurityFolder.create(join(root, 'secure'), plan, Date.now));
  }

  /** The text of a file, named from the folder above the set-up: `secure/ca.pem`. */
  text(path: string): Promise<string> {
    return readFile(join(this.#root, path), 'utf8');
  }

  /** Connects one of its users to a server; the key or the authority may be those of another set-up. */
  link(
    { url }: { readonly url: string },
    user: string,
    { key = this, authority = this }: { readonly key?: SetUp; readonly authority?: SetUp } = {},
  ): Promise<NatsLink> {
    return linkOf({
      NATS_URL: url,
      NATS_NKEY: key.#folder.filesOf(user).nkey,
      NATS_CA: join(authority.#root, 'secure/ca.pem'),
      NATS_INBOX_PREFIX: `_INBOX.${user}`,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#root, { recursive: true, force: true });
  }
}
