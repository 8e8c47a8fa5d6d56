// docs/operations.md as a person follows it: its commands for keys, certificates, permissions and datasets on Kubernetes are run
// as they stand there. kubectl makes the objects and asks no cluster; a server and a node run with what pods mount of them.
import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { startConfigured } from '../support/configured-server.ts';
import { madeByHand, objectsIn } from '../support/kubernetes.ts';
import { CHART_CONFIG_FILE, chartConfiguration, chartMounts } from '../support/nats-chart.ts';
import { TroupeNode } from '../support/troupe-node.ts';
import { cleanEnvironment } from '../support/troupe-process.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const guide = readFileSync(join(root, 'docs/operations.md'), 'utf8');
const hasKubectl = spawnSync('kubectl', ['version', '--client'], { stdio: 'ignore' }).status === 0;

/** The one block of commands in the guide that has the text. */
function commandsWith(text: string): string {
  const blocks = [...guide.matchAll(/^( *)```sh\n(.*?)^\1```$/gms)].flatMap(([, indent = '', block = '']) =>
    block.includes(text) ? [block.replaceAll(new RegExp(`^${indent}`, 'gm'), '')] : [],
  );
  const [commands = ''] = blocks;
  expect(blocks, `blocks with ${text}`).toHaveLength(1);
  return commands;
}

/** What `kubectl` and `troupe` are here: objects are collected in a file instead of a cluster. */
const SHELL = `
set -euo pipefail
troupe() { NATS_URL="\${SERVER:-\${NATS_URL:-}}" "$NODE" "$ROOT/bin/troupe.js" "$@"; }
collect() { cat >> made.yaml; echo --- >> made.yaml; }
kubectl() {
  case " $* " in
    *' apply -f - '*) collect ;;
    *' port-forward '*) ;;
    *' apply -f '*) collect < "\${*: -1}" ;;
    *' --dry-run=client '*) command kubectl "$@" ;;
    *) command kubectl "$@" --dry-run=client --output yaml | collect ;;
  esac
}
`;

/** Variables that the pods of nodes have for their key, with the folder in which it is mounted. */
function podEnvironment(folder: string): Readonly<Record<string, string>> {
  const { env } = z
    .object({ env: z.array(z.object({ name: z.string(), value: z.string() })) })
    .parse(
      parse(readFileSync(join(root, 'k8s/components/nats-keys/keys.yaml'), 'utf8')).spec.template.spec
        .containers[0],
    );
  return Object.fromEntries(env.map(({ name, value }) => [name, value.replace('/etc/troupe-nats', folder)]));
}

const objectSchema = z.looseObject({ data: z.record(z.string(), z.string()).default({}) });

describe.skipIf(!hasKubectl)('the guide for Kubernetes', () => {
  let folder: string;
  const file = (path: string): string => readFileSync(join(folder, path), 'utf8');

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'troupe-guide-'));
    symlinkSync(join(root, 'k8s'), join(folder, 'k8s'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** @param server where the forwarded port would be */
  function follow(commands: string, server = ''): string {
    const env = { ...cleanEnvironment(), NODE: process.execPath, ROOT: root, SERVER: server };
    const run = spawnSync('bash', ['-c', SHELL + commands], { cwd: folder, env, encoding: 'utf8' });
    expect({ status: run.status, stderr: run.stderr }).toMatchObject({ status: 0 });
    return run.stdout;
  }

  /** The newest object of the name, as text by key. */
  function made(namespace: string, name: string): Readonly<Record<string, string>> {
    const text = file('made.yaml').replace(/---\n$/, '');
    const found = objectsIn(text).findLast(
      ({ metadata }) => metadata.name === name && metadata.namespace === namespace,
    );
    const { data } = objectSchema.parse(found);
    const isSecret = found?.kind === 'Secret';
    return Object.fromEntries(
      Object.entries(data).map(([key, value]) => [
        key,
        isSecret ? Buffer.from(value, 'base64').toString() : value,
      ]),
    );
  }

  it('makes the objects that servers and pods mount, of the files of one set-up', () => {
    follow(commandsWith('secure init secure --host localhost'));
    for (const [namespace, name] of [
      ['nats', 'nats-tls'],
      ['nats', 'nats-users'],
      ['troupe', 'troupe-nats-files'],
    ] as const) {
      const files = Object.entries(madeByHand(namespace, name));
      expect(made(namespace, name)).toEqual(
        Object.fromEntries(files.map(([key, source]) => [key, file(source)])),
      );
    }
  });

  it('has a certificate for every name by which people, nodes and servers know the servers', () => {
    const certificate = new X509Certificate(file('secure/server.pem'));
    const routes = [...chartConfiguration({ clustered: true }).matchAll(/tls:\/\/([\w.-]+):6222/g)];
    const [, nodes] = /nats:\/\/([\w.-]+):4222/.exec(file('k8s/components/node-pod/pod.yaml')) ?? [];
    const [, people] = /NATS_URL=nats:\/\/([\w.-]+):4222/.exec(file('secure/users/operator.env')) ?? [];
    expect(people).toBe('localhost');
    expect(routes).toHaveLength(3);
    for (const host of [...routes.map(([, name]) => name), nodes, people])
      expect(certificate.checkHost(host ?? ''), `for ${host}`).toBeDefined();
  });

  it('has a server and a node that run with what their pods mount, and commands that do what it says', async () => {
    const mounted = [...chartMounts()].flatMap(([path, object]) =>
      Object.entries(made('nats', object)).map(([key, text]) => [`${path}/${key}`, text] as const),
    );
    await using server = await startConfigured(chartConfiguration({ clustered: false }), {
      env: { SERVER_NAME: 'nats-0' },
      path: CHART_CONFIG_FILE,
      files: new Map(mounted),
    });
    const url = server.url.replace('127.0.0.1', 'localhost');
    const pod = join(folder, 'pod');
    mkdirSync(pod);
    for (const [key, text] of Object.entries(made('troupe', 'troupe-nats-files')))
      writeFileSync(join(pod, key), text);
    await using node = await TroupeNode.up({
      server: { url, token: '' },
      args: ['--name', 'troupe-shards-0', '--http', '0'],
      config: parse(file('k8s/base/troupe.yaml')),
      env: podEnvironment(pod),
    });
    const shown = follow(commandsWith('troupe dataset create photos shards=8'), url);
    expect(shown).toContain('dataset photos created');
    expect(shown).toContain('troupe-shards-0');
    node.signal('SIGTERM');
    expect((await node.ended()).code).toBe(0);
    expect(node.log).not.toContain('Permissions Violation');
  });

  it('tells the servers of a user that was added', () => {
    expect(made('nats', 'nats-users')['users.conf']).not.toContain('# camera:');
    follow(commandsWith('secure add-user camera'));
    expect(made('nats', 'nats-users')['users.conf']).toContain('# camera: publisher of photos');
  });

  it('gives nodes another key, beside the former one', () => {
    const former = made('troupe', 'troupe-nats-files')['node.nk'];
    follow(commandsWith('secure rotate node'));
    const next = made('troupe', 'troupe-nats-files');
    expect(Object.keys(next).sort()).toEqual(['ca.pem', 'node.nk']);
    expect(next['node.nk']).not.toBe(former);
    expect(made('nats', 'nats-users')['users.conf']?.match(/# node: node of all datasets/g)).toHaveLength(2);
  });
});
