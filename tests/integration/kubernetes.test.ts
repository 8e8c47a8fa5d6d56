// The overlays of k8s/: Kustomize builds them, the schemas take them, what they name is there, and what they start is what the
// program takes. No cluster is asked.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { inboxPrefixOf } from '#nats';
import { silentLogger } from '#runtime';
import { serveNodeHttp } from '../../cli/http/node-http.ts';
import { datasetTopology } from '../../cli/node/dataset-topology.ts';
import { datasetPlan } from '../../nats/topology-table.ts';
import { bytesOf, heapMebibytes, missingRoles, settingsOf } from '../support/deployed-node.ts';
import {
  built,
  builtWith,
  type KubernetesObject,
  kustomize,
  madeByHand,
  objectsIn,
  schemaProblems,
  titleOf,
  unknownFields,
} from '../support/kubernetes.ts';
import { chartValues } from '../support/nats-chart.ts';
import { podEnd } from '../support/pod-end.ts';
import { containerOf, nodeOf, nodesIn, probesOf, type Workload, workloadsIn } from '../support/workloads.ts';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
/** Made by hand in the nodes' namespace, as docs/operations.md tells. */
const FILES_SECRET = 'troupe-nats-files';
/** Beside draining for node.drainMs a node takes at most this long to end. */
const END_S = 10;

const BUILDS = [
  { name: 'laptop', build: () => built('k8s/overlays/laptop') },
  { name: 'staging', build: () => built('k8s/overlays/staging') },
  { name: 'production', build: () => built('k8s/overlays/production') },
  {
    name: 'production with GPUs and a volume of files',
    build: () => builtWith('production', ['gpu', 'files']),
  },
];

type Labels = Readonly<Record<string, string>>;
const matches = (selector: Labels, labels: Labels): boolean =>
  Object.entries(selector).every(([label, value]) => labels[label] === value);
const podLabels = ({ spec }: Workload): Labels => spec.template.metadata.labels;

const scalerSchema = z.looseObject({
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({
    scaleTargetRef: z.object({ apiVersion: z.string(), kind: z.string(), name: z.string() }),
    minReplicas: z.number().optional(),
    maxReplicas: z.number().optional(),
    minReplicaCount: z.number().optional(),
    maxReplicaCount: z.number().optional(),
    metrics: z.array(z.unknown()).default([]),
    triggers: z
      .array(z.object({ type: z.string(), name: z.string(), metadata: z.record(z.string(), z.string()) }))
      .default([]),
    advanced: z
      .looseObject({ scalingModifiers: z.looseObject({ formula: z.string() }).optional() })
      .optional(),
    behavior: z.unknown().optional(),
  }),
});
const scalersIn = (objects: readonly KubernetesObject[]) =>
  objects
    .filter(({ kind }) => kind === 'HorizontalPodAutoscaler' || kind === 'ScaledObject')
    .map((object) => scalerSchema.parse(object));

describe.skipIf(kustomize === undefined).each(BUILDS)('k8s, $name', ({ build }) => {
  const objects = kustomize === undefined ? [] : build();
  const nodes = nodesIn(objects);
  const login = loginIn(objects);
  const settings = (workload: Workload) => settingsOf(nodeOf(workload, objects, login));
  const named = (kind: string): readonly string[] =>
    objects.filter((object) => object.kind === kind).map(({ metadata }) => metadata.name);

  it('is valid by the schemas of Kubernetes, KEDA and the Prometheus operator, and has no field unknown to them', async () => {
    expect(await schemaProblems(objects)).toEqual([]);
    expect(unknownFields(objects)).toEqual([]);
    expect(objects.length).toBeGreaterThan(10);
  });

  it('puts everything into its namespace', () => {
    const outside = objects.filter(
      ({ kind, metadata }) => kind !== 'Namespace' && metadata.namespace !== 'troupe',
    );
    expect(outside.map(titleOf)).toEqual([]);
  });

  it('has the accounts, configurations, secrets, volumes and services that its pods name', () => {
    for (const { spec } of workloadsIn(objects)) {
      const { serviceAccountName, containers, volumes } = spec.template.spec;
      if (serviceAccountName !== undefined) expect(named('ServiceAccount')).toContain(serviceAccountName);
      if (spec.serviceName !== undefined) expect(named('Service')).toContain(spec.serviceName);
      for (const { envFrom } of containers)
        for (const { secretRef } of envFrom) expect(named('Secret')).toContain(secretRef.name);
      for (const { configMap, secret, persistentVolumeClaim } of volumes) {
        if (configMap !== undefined) expect(named('ConfigMap')).toContain(configMap.name);
        if (secret !== undefined && secret.optional !== true)
          expect([...named('Secret'), FILES_SECRET]).toContain(secret.secretName);
        if (persistentVolumeClaim !== undefined)
          expect(named('PersistentVolumeClaim')).toContain(persistentVolumeClaim.claimName);
      }
    }
  });

  it('selects pods that there are, by services, budgets and network policies', () => {
    const pods = workloadsIn(objects).map(podLabels);
    const selectors = objects.flatMap((object) => {
      const spec = z.looseObject({}).parse(object.spec ?? {});
      if (object.kind === 'Service') return [{ object, selector: spec.selector }];
      if (object.kind === 'PodDisruptionBudget') return [{ object, selector: labelsOf(spec.selector) }];
      if (object.kind === 'NetworkPolicy') return [{ object, selector: labelsOf(spec.podSelector) }];
      return [];
    });
    const idle = selectors.filter(
      ({ selector }) => !pods.some((labels) => matches(selector as Labels, labels)),
    );
    expect(idle.map(({ object }) => titleOf(object))).toEqual([]);
    expect(selectors.length).toBeGreaterThan(3);
    for (const workload of workloadsIn(objects))
      expect(matches(workload.spec.selector.matchLabels, podLabels(workload))).toBe(true);
  });

  it('starts nodes that the program takes, with all roles, and what the server asks for', () => {
    expect(missingRoles(nodes.map(settings))).toEqual([]);
    // Whatever is recorded may run beside them.
    for (const { config } of nodes.map(settings)) expect(config.datasets).toEqual({});
    for (const workload of nodes) {
      const { server } = settings(workload);
      for (const url of server.servers) expect(url).toMatch(/^nats:\/\/[a-z.-]+:4222$/);
      if (login.NATS_USER !== undefined) {
        expect(server).toMatchObject({ user: 'troupe', password: login.NATS_PASSWORD });
        continue;
      }
      expect(server).toMatchObject({ inboxPrefix: inboxPrefixOf('node') });
      expect(server).not.toHaveProperty('user');
      // A pod waits for its files, and finds those of the set-up's user `node` under the names that it is given.
      const files = workload.spec.template.spec.volumes.find(({ name }) => name === 'nats-files');
      expect(files?.secret).toMatchObject({ secretName: FILES_SECRET, optional: false });
      const made = Object.entries(madeByHand('troupe', FILES_SECRET));
      expect(made.map(([key, source]) => [`/etc/troupe-nats/${key}`, source])).toEqual([
        [server.nkey, 'secure/users/node.nk'],
        [server.ca, 'secure/ca.pem'],
      ]);
    }
  });

  it('asks nodes for their health where they answer, and gives them the time to drain', async () => {
    await using http = await healthOnly();
    for (const workload of nodes) {
      const { config } = settings(workload);
      const container = containerOf(workload);
      expect(config.node.http).toEqual({ host: '0.0.0.0', port: 9464 });
      expect(container.ports).toMatchObject([{ name: 'http', containerPort: config.node.http.port }]);
      for (const { path, port } of Object.values(probesOf(container))) {
        expect(port).toBe('http');
        expect(await http.statusOf(path)).toBe(200);
      }
      const { terminationGracePeriodSeconds } = workload.spec.template.spec;
      expect(terminationGracePeriodSeconds).toBeGreaterThanOrEqual(config.node.drainMs / 1000 + END_S);
      // What tests/chaos/kubernetes-drain.test.ts ends a node by.
      const { livenessProbe, readinessProbe } = probesOf(container);
      expect({
        hooks: container.lifecycle,
        graceMs: terminationGracePeriodSeconds * 1_000,
        drainMs: config.node.drainMs,
        livePath: livenessProbe?.path,
        readyPath: readinessProbe?.path,
      }).toEqual(podEnd());
    }
    expect(await http.statusOf('/healthz')).toBe(404);
  });

  it('runs pods as nobody, without rights, on a file system that they cannot write', () => {
    for (const workload of workloadsIn(objects)) {
      const { securityContext } = workload.spec.template.spec;
      expect(securityContext).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      expect(containerOf(workload).securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    }
  });

  it('leaves V8 room beside its heap, and tells it of more memory than it would take by itself', () => {
    for (const workload of nodes) {
      const limit = bytesOf(String(containerOf(workload).resources.limits.memory));
      const heap = heapMebibytes(nodeOf(workload, objects, {}).env);
      if (heap !== undefined) expect(heap * 1024 ** 2).toBeLessThanOrEqual(0.8 * limit);
      if (settings(workload).roles.includes('shards')) expect(heap).toBeDefined();
    }
  });

  it('names each image by a version', () => {
    for (const { spec } of workloadsIn(objects))
      for (const { image } of spec.template.spec.containers)
        expect(image).toMatch(/:\d+\.\d+\.\d+(-[a-z]+)?$/);
  });

  it('scales each deployment by one scaler at most, and leaves the number of its pods to it', () => {
    const targets = scalersIn(objects).map(({ spec }) => spec.scaleTargetRef);
    expect(new Set(targets.map(({ name }) => name)).size).toBe(targets.length);
    for (const { kind, name } of targets) {
      expect(named(kind)).toContain(name);
      expect(nodes.find(({ metadata }) => metadata.name === name)?.spec.replicas).toBeUndefined();
    }
    const deployments = nodes
      .filter(({ kind }) => kind === 'Deployment')
      .map(({ metadata }) => metadata.name);
    expect(targets.map(({ name }) => name).sort()).toEqual(deployments.sort());
  });

  it('scales by streams and consumers that the program makes, and never waits for more than they hold', () => {
    const { consumers, streams } = datasetPlan(
      'photos',
      datasetTopology({ system: 'troupe', storage: { provision: true, limits: {} } }),
    );
    const known = new Map(consumers.map(({ stream, config }) => [stream, config.durable_name]));
    for (const { spec } of scalersIn(objects)) {
      for (const { type, metadata } of spec.triggers) {
        expect(type).toBe('nats-jetstream');
        expect({ stream: metadata.stream, consumer: metadata.consumer }).toEqual({
          stream: metadata.stream,
          consumer: known.get(metadata.stream ?? ''),
        });
        const limit = streams.find(({ name }) => name === metadata.stream)?.max_msgs ?? -1;
        const asked = Number(metadata.lagThreshold) * (spec.maxReplicaCount ?? 0);
        if (limit > 0 && spec.advanced?.scalingModifiers === undefined)
          expect(asked).toBeLessThanOrEqual(limit);
      }
      const { formula } = spec.advanced?.scalingModifiers ?? {};
      if (formula !== undefined)
        expect([...new Set(formula.match(/[a-z]+/g))].sort()).toEqual(
          spec.triggers.map(({ name }) => name).sort(),
        );
    }
  });

  it('has Prometheus scrape all nodes, also those that drain', () => {
    const [monitor] = objects.filter(({ kind }) => kind === 'ServiceMonitor');
    const service = objects.find(
      ({ kind, metadata }) => kind === 'Service' && metadata.name === 'troupe-nodes',
    );
    const { selector, publishNotReadyAddresses, ports } = z
      .looseObject({
        selector: z.record(z.string(), z.string()),
        ports: z.array(z.looseObject({ name: z.string() })),
      })
      .parse(service?.spec);
    expect(nodes.filter((workload) => !matches(selector, podLabels(workload)))).toEqual([]);
    expect(publishNotReadyAddresses).toBe(true);
    if (monitor === undefined) return;
    const spec = z
      .looseObject({ endpoints: z.array(z.looseObject({ port: z.string(), path: z.string() })) })
      .parse(monitor.spec);
    expect(matches(labelsOf(spec.selector), service?.metadata.labels ?? {})).toBe(true);
    expect(spec.endpoints).toMatchObject([{ port: ports[0]?.name, path: '/metrics' }]);
  });
});

describe.skipIf(kustomize === undefined)('k8s, production', () => {
  const objects = kustomize === undefined ? [] : built('k8s/overlays/production');

  it('has no secret in the repository', () => {
    expect(objects.filter(({ kind }) => kind === 'Secret')).toEqual([]);
  });

  it('grows the intake from 3 to 20 by CPU and memory and the other stages from 2 to 10 by lag, and shrinks slowly', () => {
    const ranges = scalersIn(objects).map(({ kind, metadata, spec }) => [
      metadata.name,
      kind,
      spec.minReplicas ?? spec.minReplicaCount,
      spec.maxReplicas ?? spec.maxReplicaCount,
    ]);
    expect(ranges.sort()).toEqual([
      ['troupe-dedup', 'ScaledObject', 2, 10],
      ['troupe-embed', 'ScaledObject', 2, 10],
      ['troupe-ingest', 'HorizontalPodAutoscaler', 3, 20],
      ['troupe-score', 'ScaledObject', 2, 10],
    ]);
    const [intake] = scalersIn(objects).filter(({ kind }) => kind === 'HorizontalPodAutoscaler');
    const target = (name: string, averageUtilization: number) => ({
      type: 'Resource',
      resource: { name, target: { type: 'Utilization', averageUtilization } },
    });
    expect(intake?.spec.metrics).toEqual([target('cpu', 70), target('memory', 80)]);
    expect(intake?.spec.behavior).toMatchObject({
      scaleDown: {
        stabilizationWindowSeconds: 600,
        policies: [{ type: 'Pods', value: 1, periodSeconds: 120 }],
      },
    });
  });

  it('reaches the servers of the values of NATS', () => {
    const values = chartValues;
    const endpoint = `${values.fullnameOverride}-headless.nats.svc.cluster.local:${values.config.monitor.port}`;
    for (const { spec } of scalersIn(objects))
      for (const { metadata } of spec.triggers) expect(metadata.natsServerMonitoringEndpoint).toBe(endpoint);
    for (const workload of nodesIn(objects)) {
      const { server, config } = settingsOf(nodeOf(workload, objects, {}));
      expect(server.servers).toEqual([`nats://${values.fullnameOverride}.nats.svc.cluster.local:4222`]);
      expect(config.storage.replicas).toBe(values.config.cluster.replicas);
    }
  });
});

describe('the checks of objects', () => {
  const [service] = objectsIn(read('k8s/base/service.yaml'));
  const misspelt = { ...service, spec: { clusterIp: 'None', ports: [] } } as KubernetesObject;
  const wrong = { ...service, spec: { ports: [{ port: 'http' }] } } as KubernetesObject;

  it('find a field that is misspelt, a value of the wrong kind and a kind that there is not', async () => {
    expect(unknownFields([misspelt])).toEqual([expect.stringContaining('"clusterIp"\' does not exist')]);
    expect(await schemaProblems([wrong])).toEqual([expect.stringContaining('Service troupe-nodes')]);
    expect(await schemaProblems([{ ...wrong, kind: 'Servise' }])).toEqual([
      expect.stringContaining('v1 has no such kind'),
    ]);
  });
});

/** What a Secret among the objects gives to the nodes as variables. */
function loginIn(objects: readonly KubernetesObject[]): Readonly<Record<string, string>> {
  const secret = objects.find(({ kind }) => kind === 'Secret');
  if (secret === undefined) return {};
  const { data } = z.looseObject({ data: z.record(z.string(), z.string()) }).parse(secret);
  return Object.fromEntries(
    Object.entries(data).map(([name, text]) => [name, Buffer.from(text, 'base64').toString()]),
  );
}

function labelsOf(selector: unknown): Labels {
  return z.looseObject({ matchLabels: z.record(z.string(), z.string()).default({}) }).parse(selector)
    .matchLabels;
}

/** The HTTP door of a node that is well, and nothing behind it. */
async function healthOnly() {
  const http = await serveNodeHttp({
    host: '127.0.0.1',
    port: 0,
    health: () => ({
      status: 'ok',
      live: true,
      ready: true,
      notReady: [],
      problems: [],
      node: 'n',
      version: '0',
      phase: 'active',
      nats: { connected: true, publishesWaiting: 0 },
      lease: { held: true },
      datasets: [],
      models: [],
    }),
    metrics: { contentType: 'text/plain', text: async () => '' },
    log: silentLogger,
  });
  return {
    statusOf: async (path: string) => (await fetch(`${http.url}${path}`)).status,
    [Symbol.asyncDispose]: () => http.close(),
  };
}
