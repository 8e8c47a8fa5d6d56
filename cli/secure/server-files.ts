// The configuration files of the nats-server of a set-up. The users stand in a file of their own, which is rewritten when one
// is added, rotated or revoked; the server takes it over when it is told to reload (SIGHUP), connections of others stay.
import { join } from 'node:path';
import { EMBEDDED_MAX_PAYLOAD_BYTES } from '#nats';
import { ALL_DATASETS, type Grant, permissionsOf, ROLES_THAT_PROVISION } from './roles.ts';
import type { SecurityState, SecurityUser } from './security-state.ts';

/** Files in the folder, by what they are. */
export const FILES = {
  server: 'nats-server.conf',
  users: 'users.conf',
  authority: 'ca.pem',
  authorityKey: 'ca.key',
  certificate: 'server.pem',
  certificateKey: 'server.key',
  process: 'nats-server.pid',
} as const;

/** The configuration that nats-server is started with. */
export function serverConfiguration({ mount, port, store }: SecurityState): string {
  const path = (file: string) => quoted(join(mount, file));
  return [
    '# Written by `troupe secure`, which changes users.conf only: what you add here stays.',
    'server_name: "troupe"',
    `port: ${port}`,
    `max_payload: ${EMBEDDED_MAX_PAYLOAD_BYTES}`,
    `pid_file: ${path(FILES.process)}`,
    'tls {',
    `  cert_file: ${path(FILES.certificate)}`,
    `  key_file: ${path(FILES.certificateKey)}`,
    '  timeout: 5',
    '}',
    'jetstream {',
    `  store_dir: ${quoted(store)}`,
    '}',
    `include ${quoted(`./${FILES.users}`)}`,
    '',
  ].join('\n');
}

/** The users with their permissions. Whoever is not in it is refused. */
export function usersConfiguration({ system, users }: Pick<SecurityState, 'system' | 'users'>): string {
  return [
    '# Written by `troupe secure`: do not edit. Public keys and permissions, no secret.',
    'authorization {',
    '  users: [',
    ...users.flatMap((user) => user.keys.flatMap(({ publicKey }) => userLines(system, user, publicKey))),
    '  ]',
    '}',
    '',
  ].join('\n');
}

function userLines(system: string, user: SecurityUser, key: string): readonly string[] {
  const { name, role, datasets, provision } = user;
  const { grants, denied } = permissionsOf({ system, user: name, key, role, datasets, provision });
  const listed = (of: 'publish' | 'subscribe') => subjectLines(grants, of);
  return [
    `    # ${name}: ${titleOf(user)}`,
    '    {',
    `      nkey: ${key}`,
    '      permissions: {',
    '        publish: {',
    '          allow: [',
    ...listed('publish'),
    '          ]',
    ...(denied.length === 0 ? [] : [`          deny: [${denied.map(quoted).join(', ')}]`]),
    '        }',
    '        subscribe: {',
    '          allow: [',
    ...listed('subscribe'),
    '          ]',
    '        }',
    '      }',
    '    }',
  ];
}

/** What a user is, in words. */
function titleOf({ role, datasets, provision }: Omit<SecurityUser, 'name' | 'keys'>): string {
  const scope = `${role} of ${datasets.includes(ALL_DATASETS) ? 'all datasets' : datasets.join(', ')}`;
  return ROLES_THAT_PROVISION.has(role) && !provision ? `${scope}, makes no streams` : scope;
}

function subjectLines(grants: readonly Grant[], of: 'publish' | 'subscribe'): readonly string[] {
  const subjects = new Set(grants.flatMap((grant) => grant[of] ?? []));
  return [...subjects].map((subject) => `            ${quoted(subject)}`);
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
