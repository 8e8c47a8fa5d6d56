// A security folder: everything that `troupe secure` writes. Secrets are files that only their owner may read; each change is
// written to a new file that then takes the old one's place.
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { inboxPrefixOf, newUserKey } from '#nats';
import { CommandError, UsageError } from '../command-error.ts';
import { type CertificatePair, newAuthority, newServerCertificate } from './certificates.ts';
import {
  ALL_DATASETS,
  permissionsOf,
  ROLES_OF_DATASETS,
  ROLES_THAT_PROVISION,
  type UserRole,
} from './roles.ts';
import {
  parseState,
  type SecurityState,
  type SecurityUser,
  STATE_FILE,
  USER_NAME,
} from './security-state.ts';
import { FILES, serverConfiguration, usersConfiguration } from './server-files.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;
const AUTHORITY_DAYS = 3_650;
const USERS = 'users';

/** A set-up that is to be made. */
export interface SecurityPlan {
  readonly system: string;
  readonly hosts: readonly string[];
  readonly port: number;
  /** Where the server will see the folder; default: where it is. */
  readonly mount?: string;
  /** Default: `store` in the folder. */
  readonly store?: string;
  /** Days for which the server's certificate counts. */
  readonly days: number;
  /** Whether users may make, change and delete streams where their roles do; default true. */
  readonly provision?: boolean;
}

/** A user that is to be added. */
export interface UserPlan {
  readonly name: string;
  readonly role: UserRole;
  /** None: all. */
  readonly datasets: readonly string[];
  /** Default: as the set-up has it. */
  readonly provision?: boolean;
}

/** Files that a user needs to connect. */
export interface UserFiles {
  /** The seed of the nkey. */
  readonly nkey: string;
  /** Variables for a shell or a container: where the server is, and the files. */
  readonly env: string;
}

export class SecurityFolder {
  readonly path: string;
  readonly #now: () => number;
  #state: SecurityState;

  private constructor(path: string, state: SecurityState, now: () => number) {
    this.path = path;
    this.#state = state;
    this.#now = now;
  }

  /** Makes a folder with an authority, a server and the first two users. @throws CommandError `file_exists` */
  static async create(folder: string, plan: SecurityPlan, now: () => number): Promise<SecurityFolder> {
    const path = resolve(folder);
    if (existsSync(join(path, STATE_FILE))) {
      throw new CommandError('file_exists', `${path} has a set-up already`);
    }
    await mkdir(join(path, USERS), { recursive: true, mode: 0o700 });
    const { system, hosts, port, days } = plan;
    const authority = await newAuthority(`${system} authority`, { nowMs: now(), days: AUTHORITY_DAYS });
    const state: SecurityState = {
      version: 1,
      system,
      hosts: [...hosts],
      port,
      mount: plan.mount ?? path,
      store: plan.store ?? join(path, 'store'),
      provision: plan.provision ?? true,
      certificate: { until: after(now(), days) },
      authority: { until: after(now(), AUTHORITY_DAYS) },
      users: [],
      former: [],
    };
    const made = new SecurityFolder(path, state, now);
    await made.#write(FILES.authority, authority.certificate, 0o644);
    await made.#write(FILES.authorityKey, authority.key, 0o600);
    await made.renew(days);
    await made.#write(FILES.server, serverConfiguration(state), 0o644);
    await made.addUser({ name: 'node', role: 'node', datasets: [] });
    await made.addUser({ name: 'operator', role: 'operator', datasets: [] });
    return made;
  }

  /** @throws UsageError where there is no set-up that can be read */
  static async open(folder: string, now: () => number): Promise<SecurityFolder> {
    const path = resolve(folder);
    try {
      return new SecurityFolder(path, parseState(await readFile(join(path, STATE_FILE), 'utf8')), now);
    } catch (cause) {
      const why = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is none' : String(cause);
      throw new UsageError(`expected a set-up of \`troupe secure init\` in ${path}: ${why}`, { cause });
    }
  }

  get state(): SecurityState {
    return this.#state;
  }

  /** Where clients find the server. */
  get url(): string {
    const { hosts, port } = this.#state;
    const [host = 'localhost'] = hosts;
    return `nats://${host.includes(':') ? `[${host}]` : host}:${port}`;
  }

  /** The server's process number, where it runs with this configuration. */
  get pidFile(): string {
    return join(this.path, FILES.process);
  }

  /** The files of a user. */
  filesOf(name: string): UserFiles {
    const stem = join(this.path, USERS, name);
    return { nkey: `${stem}.nk`, env: `${stem}.env` };
  }

  /** @throws UsageError for a name that is taken or a role that needs datasets */
  async addUser({ name, role, datasets, ...plan }: UserPlan): Promise<UserFiles> {
    if (!USER_NAME.test(name)) {
      throw new UsageError(`expected a name of 1 to 32 of a-z, 0-9, - and _, got ${JSON.stringify(name)}`);
    }
    if (this.#state.users.some((user) => user.name === name)) {
      throw new UsageError(`the user ${name} is there already; \`secure rotate\` gives it another key`);
    }
    if (role === 'node' && datasets.length > 0) {
      throw new UsageError('expected no --dataset for a node: every node serves all datasets');
    }
    if (ROLES_OF_DATASETS.has(role) && datasets.length === 0) {
      throw new UsageError(`expected at least one --dataset: a ${role} is one of certain datasets`);
    }
    if (plan.provision !== undefined && !ROLES_THAT_PROVISION.has(role)) {
      const makers = [...ROLES_THAT_PROVISION].join(' or ');
      throw new UsageError(
        `expected --provision or --no-provision for ${makers} only: a ${role} makes no streams`,
      );
    }
    const provision = plan.provision ?? this.#state.provision;
    const of = datasets.length === 0 ? [ALL_DATASETS] : [...new Set(datasets)];
    const { publicKey, seed } = newUserKey();
    const keys = [{ publicKey, created: this.#today() }];
    const user: SecurityUser = { name, role, datasets: of, provision, keys };
    permissionsOf({ system: this.#state.system, user: name, key: publicKey, role, datasets: of, provision });
    await this.#writeSecrets(name, seed);
    await this.#save({ ...this.#state, users: [...this.#state.users, user] });
    return this.filesOf(name);
  }

  /** From the next reload on no key of the user counts; its files are deleted. @throws UsageError */
  async revoke(name: string): Promise<void> {
    const user = this.#user(name);
    const former = user.keys.map(({ publicKey }) => this.#former(name, publicKey, 'revoked'));
    const users = this.#state.users.filter((other) => other.name !== name);
    await this.#save({ ...this.#state, users, former: [...this.#state.former, ...former] });
    const { nkey, env } = this.filesOf(name);
    await Promise.all([nkey, env].map((file) => rm(file, { force: true })));
  }

  /** Gives the user a new key; the former one counts beside it until `finishRotation`. @throws UsageError */
  async rotate(name: string): Promise<void> {
    const user = this.#user(name);
    if (user.keys.length > 1) {
      throw new UsageError(
        `a rotation of ${name} is under way: end it with \`secure rotate ${name} --finish\``,
      );
    }
    const { publicKey, seed } = newUserKey();
    // The server must know the new key before anyone comes with it.
    await this.#save(this.#with({ ...user, keys: [{ publicKey, created: this.#today() }, ...user.keys] }));
    await this.#writeSecrets(name, seed);
  }

  /** Only the newest key of the user counts from the next reload on. @throws UsageError where there is one only */
  async finishRotation(name: string): Promise<void> {
    const user = this.#user(name);
    const [newest, ...older] = user.keys;
    if (newest === undefined || older.length === 0) {
      throw new UsageError(`expected a rotation of ${name} that is under way, found one key`);
    }
    const former = older.map(({ publicKey }) => this.#former(name, publicKey, 'rotated'));
    const state = this.#with({ ...user, keys: [newest] });
    await this.#save({ ...state, former: [...state.former, ...former] });
  }

  /** Makes another certificate for the server, by the same authority: clients need not change anything. */
  async renew(days: number): Promise<void> {
    const authority: CertificatePair = {
      certificate: await readFile(join(this.path, FILES.authority), 'utf8'),
      key: await readFile(join(this.path, FILES.authorityKey), 'utf8'),
    };
    const { hosts } = this.#state;
    const { certificate, key } = await newServerCertificate(authority, { hosts, nowMs: this.#now(), days });
    await this.#write(FILES.certificateKey, key, 0o600);
    await this.#write(FILES.certificate, certificate, 0o644);
    await this.#save({ ...this.#state, certificate: { until: after(this.#now(), days) } });
  }

  #user(name: string): SecurityUser {
    const user = this.#state.users.find((each) => each.name === name);
    if (user !== undefined) return user;
    const names = this.#state.users.map((each) => each.name).join(', ') || 'none';
    throw new UsageError(`expected a user of this set-up (${names}), got ${JSON.stringify(name)}`);
  }

  #with(changed: SecurityUser): SecurityState {
    const users = this.#state.users.map((user) => (user.name === changed.name ? changed : user));
    return { ...this.#state, users };
  }

  #former(user: string, publicKey: string, why: 'rotated' | 'revoked') {
    return { user, publicKey, ended: this.#today(), why };
  }

  #today(): string {
    return new Date(this.#now()).toISOString();
  }

  async #save(state: SecurityState): Promise<void> {
    await this.#write(FILES.users, usersConfiguration(state), 0o644);
    await this.#write(STATE_FILE, `${JSON.stringify(state, null, 2)}\n`, 0o644);
    this.#state = state;
  }

  async #writeSecrets(name: string, seed: string): Promise<void> {
    const { nkey } = this.filesOf(name);
    const variables = {
      NATS_URL: this.url,
      NATS_NKEY: nkey,
      NATS_CA: join(this.path, FILES.authority),
      NATS_INBOX_PREFIX: inboxPrefixOf(name),
    };
    const lines = Object.entries(variables).map(([variable, value]) => `${variable}=${value}`);
    await this.#write(join(USERS, `${name}.nk`), `${seed}\n`, 0o600);
    await this.#write(join(USERS, `${name}.env`), `${lines.join('\n')}\n`, 0o600);
  }

  /** A reader finds the old text or the new one, never a part. */
  async #write(file: string, text: string, mode: number): Promise<void> {
    const path = join(this.path, file);
    const draft = `${path}.new`;
    await rm(draft, { force: true });
    await writeFile(draft, text, { mode, flag: 'wx' });
    await rename(draft, path);
  }
}

function after(nowMs: number, days: number): string {
  return new Date(nowMs + days * DAY_MS).toISOString();
}
