// `troupe secure`: a nats-server set-up with TLS, nkeys and permissions by role, and its users. It works on a folder and
// speaks to no server, but for telling one on this machine to reload.
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { DATASET_NAME, reloadServer } from '#nats';
import { type CliEnvironment, contextOf } from '../command-environment.ts';
import { CommandError } from '../command-error.ts';
import { examples } from '../help.ts';
import { parseWholeNumber } from '../option-values.ts';
import { ROLES_THAT_PROVISION, USER_ROLES, type UserRole } from '../secure/roles.ts';
import { SecurityFolder } from '../secure/security-folder.ts';
import { FILES } from '../secure/server-files.ts';
import type { Terminal } from '../terminal.ts';

const DEFAULT_FOLDER = 'secure';
const DEFAULT_DAYS = 397;
const DEFAULT_PORT = 4222;

interface OfFolder {
  readonly dir: string;
  readonly reload?: boolean;
}

export function registerSecure(program: Command, environment: CliEnvironment): void {
  const secure = program
    .command('secure')
    .description(
      'write a nats-server set-up with TLS, keys and permissions by role; add, rotate and revoke users',
    );
  registerInit(secure, environment);
  registerAddUser(secure, environment);
  registerRotate(secure, environment);
  registerRevoke(secure, environment);
  registerRenew(secure, environment);
  registerShow(secure, environment);
}

function registerInit(secure: Command, environment: CliEnvironment): void {
  secure
    .command('init')
    .description(
      'write a set-up: authority, server certificate, configuration, and the users node and operator',
    )
    .argument('[folder]', 'where', DEFAULT_FOLDER)
    .addOption(
      new Option(
        '--host <name>',
        'name or address of the server for its clients; again for more, the first is theirs',
      )
        .argParser(parseHost)
        .default(undefined, 'localhost, 127.0.0.1 and the name of this machine'),
    )
    .addOption(
      new Option('--port <number>', 'port of the server')
        .argParser(parseWholeNumber(1, 65_535))
        .default(DEFAULT_PORT),
    )
    .addOption(daysOption())
    .option(
      '--mount <folder>',
      'where the server will see this folder, in a container, say (default: where it is)',
    )
    .option('--store <folder>', 'where the server keeps its streams (default: store in this folder)')
    .option(
      '--no-provision',
      'nodes and operators may not make, change or delete streams; also with storage.provision: false in troupe.yaml',
    )
    .addHelpText(
      'after',
      examples([
        ['troupe secure init', 'for a server on this machine, in ./secure'],
        ['troupe secure init --host nats.example.com --host 10.0.0.1', 'for one that others reach'],
        [
          'troupe secure init k8s-secure --host nats --mount /etc/nats --store /data',
          'for one in a container',
        ],
        ['troupe secure init --no-provision', 'streams are made by others: see `troupe config streams`'],
        ['nats-server -c secure/nats-server.conf', 'starts it'],
        ['set -a; . secure/users/node.env; troupe up', 'a node on it'],
      ]),
    )
    .action(
      async (
        folder: string,
        options: {
          readonly host?: readonly string[];
          readonly port: number;
          readonly days: number;
          readonly mount?: string;
          readonly store?: string;
          readonly provision: boolean;
        },
        command: Command,
      ) => {
        const { terminal, config } = contextOf(command, environment);
        const { host, ...plan } = options;
        const hosts = host ?? [...new Set(['localhost', '127.0.0.1', hostname()])];
        const { system, storage } = config().config;
        const provision = plan.provision && storage.provision;
        const made = await SecurityFolder.create(
          folder,
          { ...plan, hosts, system, provision },
          environment.clock.wallMs,
        );
        const server = join(made.path, FILES.server);
        const users = made.state.users.map(({ name, role }) => ({ name, role, ...made.filesOf(name) }));
        terminal.show({ folder: made.path, server, url: made.url, provision, users }, () => {
          terminal.print(`wrote ${made.path}, for ${made.url}`);
          terminal.print(`start the server   nats-server -c ${server}`);
          for (const { name, env } of users) terminal.print(`${name.padEnd(18)} set -a; . ${env}`);
          terminal.print(
            `keep ${FILES.authorityKey} away from the server: whoever has it makes certificates`,
          );
          if (!provision) {
            terminal.print(
              'nobody may make streams; who shall: secure add-user NAME --role operator --provision',
            );
          }
        });
      },
    );
}

function registerAddUser(secure: Command, environment: CliEnvironment): void {
  changing(secure.command('add-user'))
    .description('add a user with a key of its own')
    .addOption(new Option('--role <role>', 'what it may do').choices([...USER_ROLES]).makeOptionMandatory())
    .addOption(
      new Option(
        '--dataset <name>',
        'only of this dataset; again for more (a tenant); default: all',
      ).argParser(parseDatasets),
    )
    .option('--provision', 'an operator or node that may make, change and delete streams (default)')
    .option('--no-provision', 'one that may not: others manage the streams')
    .addHelpText(
      'after',
      examples([
        [
          'troupe secure add-user camera --role publisher --dataset photos',
          'may publish to photos, and nothing else',
        ],
        [
          'troupe secure add-user ada --role reviewer --dataset photos --dataset cats',
          'a tenant of two datasets',
        ],
        [
          'troupe secure add-user watch --role viewer --reload',
          'reads everything; the running server knows it at once',
        ],
        [
          'troupe secure add-user worker --role node --no-provision',
          'a node on streams that others manage (troupe up --no-provision)',
        ],
      ]),
    )
    .action(
      async (
        name: string,
        options: OfFolder & {
          readonly role: UserRole;
          readonly dataset?: readonly string[];
          readonly provision?: boolean;
        },
        command: Command,
      ) => {
        const folder = await open(options, environment);
        const { role, dataset: datasets = [], provision } = options;
        const files = await folder.addUser({
          name,
          role,
          datasets,
          ...(provision !== undefined && { provision }),
        });
        const reloaded = await reload(folder, options);
        const { terminal } = contextOf(command, environment);
        terminal.show({ name, role, datasets, ...files, reloaded }, () => {
          terminal.print(`${name} is ${article(role)} of ${datasets.join(', ') || 'all datasets'}`);
          terminal.print(`its key   ${files.nkey}`);
          terminal.print(`use it    set -a; . ${files.env}`);
          remind(terminal, folder, reloaded);
        });
      },
    );
}

function registerRotate(secure: Command, environment: CliEnvironment): void {
  changing(secure.command('rotate'))
    .description('give a user another key; the former one counts until --finish')
    .option('--finish', 'the former key counts no more: whoever still has it is disconnected')
    .addHelpText(
      'after',
      examples([
        ['troupe secure rotate node --reload', 'both keys count; the file has the new one'],
        [
          'troupe secure rotate node --finish --reload',
          'nodes come back at once, with the key in their file',
        ],
      ]),
    )
    .action(async (name: string, options: OfFolder & { readonly finish?: boolean }, command: Command) => {
      const folder = await open(options, environment);
      if (options.finish === true) await folder.finishRotation(name);
      else await folder.rotate(name);
      const reloaded = await reload(folder, options);
      const files = folder.filesOf(name);
      const { terminal } = contextOf(command, environment);
      terminal.show({ name, finished: options.finish === true, ...files, reloaded }, () => {
        if (options.finish === true) terminal.print(`the former key of ${name} counts no more`);
        else {
          terminal.print(`${name} has a new key in ${files.nkey}; the former one counts, too`);
          terminal.print(`bring it to where ${name} runs, then: troupe secure rotate ${name} --finish`);
        }
        remind(terminal, folder, reloaded);
      });
    });
}

function registerRevoke(secure: Command, environment: CliEnvironment): void {
  changing(secure.command('revoke'))
    .description('take every key of a user away')
    .addHelpText(
      'after',
      examples([['troupe secure revoke camera --reload', 'it is disconnected and refused from then on']]),
    )
    .action(async (name: string, options: OfFolder, command: Command) => {
      const folder = await open(options, environment);
      await folder.revoke(name);
      const reloaded = await reload(folder, options);
      const { terminal } = contextOf(command, environment);
      terminal.show({ name, revoked: true, reloaded }, () => {
        terminal.print(`${name} is revoked`);
        remind(terminal, folder, reloaded);
      });
    });
}

function registerRenew(secure: Command, environment: CliEnvironment): void {
  ofFolder(secure.command('renew'))
    .description('make another certificate for the server, by the same authority')
    .addOption(daysOption())
    .addHelpText(
      'after',
      examples([['troupe secure renew --reload', 'clients need nothing new: they trust the authority']]),
    )
    .action(async (options: OfFolder & { readonly days: number }, command: Command) => {
      const folder = await open(options, environment);
      await folder.renew(options.days);
      const reloaded = await reload(folder, options);
      const { until } = folder.state.certificate;
      const { terminal } = contextOf(command, environment);
      terminal.show({ until, reloaded }, () => {
        terminal.print(`the certificate counts until ${until}`);
        remind(terminal, folder, reloaded);
      });
    });
}

function registerShow(secure: Command, environment: CliEnvironment): void {
  secure
    .command('show')
    .description('show users, keys and certificates; no secret is printed')
    .addOption(folderOption())
    .addHelpText(
      'after',
      examples([['troupe secure show', 'who may do what, and until when certificates count']]),
    )
    .action(async (options: OfFolder, command: Command) => {
      const folder = await open(options, environment);
      const { system, hosts, users, former, certificate, authority } = folder.state;
      const { terminal } = contextOf(command, environment);
      terminal.show(
        { folder: folder.path, url: folder.url, system, hosts, certificate, authority, users, former },
        () => {
          terminal.print(`system ${system} on ${folder.url}`);
          terminal.print(`certificate until ${certificate.until}, authority until ${authority.until}`);
          terminal.table(
            [
              { title: 'User' },
              { title: 'Role' },
              { title: 'Datasets' },
              { title: 'Streams' },
              { title: 'Key' },
            ],
            users.flatMap(({ name, role, datasets, provision, keys }) =>
              keys.map(({ publicKey }, at) => [
                at === 0 ? name : `${name} (former key)`,
                role,
                datasets.join(', ').replace('*', 'all'),
                ROLES_THAT_PROVISION.has(role) && provision ? 'makes them' : '',
                publicKey,
              ]),
            ),
          );
          for (const { user, publicKey, why, ended } of former) {
            terminal.print(`${publicKey} of ${user} was ${why} at ${ended}`);
          }
        },
      );
    });
}

/** A command about one user of a folder. */
function changing(command: Command): Command {
  return ofFolder(command.argument('<name>', 'name of the user'));
}

function ofFolder(command: Command): Command {
  return command
    .addOption(folderOption())
    .option('--reload', 'have the server that runs from this folder take it over at once (SIGHUP)');
}

function folderOption(): Option {
  return new Option('--dir <folder>', 'the folder of `secure init`').default(DEFAULT_FOLDER);
}

function daysOption(): Option {
  return new Option('--days <number>', "for which the server's certificate counts")
    .argParser(parseWholeNumber(1, 3_650))
    .default(DEFAULT_DAYS);
}

function open({ dir }: OfFolder, environment: CliEnvironment): Promise<SecurityFolder> {
  return SecurityFolder.open(dir, environment.clock.wallMs);
}

/** Whether a server was told. @throws CommandError `not_reloaded` where it is asked for and none runs here */
async function reload(folder: SecurityFolder, options: OfFolder): Promise<boolean> {
  if (options.reload !== true) return false;
  const pid = Number(await readFile(folder.pidFile, 'utf8').catch(() => ''));
  if (await reloadServer(pid, join(folder.state.mount, FILES.server))) return true;
  throw new CommandError(
    'not_reloaded',
    `the change is written; expected a nats-server that was started with ${join(folder.state.mount, FILES.server)} on this machine, found none`,
  );
}

function remind(terminal: Terminal, folder: SecurityFolder, reloaded: boolean): void {
  if (reloaded) terminal.print('the server has been told');
  else terminal.print(`the server knows it after: kill -HUP "$(cat ${folder.pidFile})", or --reload here`);
}

function article(role: UserRole): string {
  return /^[aeiou]/.test(role) ? `an ${role}` : `a ${role}`;
}

function parseHost(text: string, former: readonly string[] = []): readonly string[] {
  if (/^[A-Za-z0-9.:_-]+$/.test(text)) return [...former, text];
  throw new InvalidArgumentError(`Expected a host name or an address, got "${text}".`);
}

function parseDatasets(text: string, former: readonly string[] = []): readonly string[] {
  if (DATASET_NAME.test(text)) return [...former, text];
  throw new InvalidArgumentError(`Expected the name of a dataset: a-z, 0-9 and -, got "${text}".`);
}
