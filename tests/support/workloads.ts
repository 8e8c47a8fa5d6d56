// Workloads of Kubernetes that run nodes, as tests look at them.
import { z } from 'zod';
import type { DeployedNode } from './deployed-node.ts';
import { type KubernetesObject, titleOf } from './kubernetes.ts';

const containerSchema = z.looseObject({
  name: z.string(),
  image: z.string(),
  args: z.array(z.string()).default([]),
  env: z.array(z.looseObject({ name: z.string(), value: z.string().optional() })).default([]),
  envFrom: z.array(z.object({ secretRef: z.object({ name: z.string() }) })).default([]),
  ports: z.array(z.looseObject({ name: z.string(), containerPort: z.number() })).default([]),
  resources: z.object({
    requests: z.record(z.string(), z.union([z.string(), z.number()])),
    limits: z.record(z.string(), z.union([z.string(), z.number()])),
  }),
});
const probeSchema = z.looseObject({ httpGet: z.object({ path: z.string(), port: z.string() }) });
const workloadSchema = z.looseObject({
  kind: z.enum(['Deployment', 'StatefulSet']),
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({
    replicas: z.number().optional(),
    serviceName: z.string().optional(),
    selector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
    template: z.object({
      metadata: z.object({ labels: z.record(z.string(), z.string()) }),
      spec: z.looseObject({
        serviceAccountName: z.string().optional(),
        terminationGracePeriodSeconds: z.number(),
        securityContext: z.looseObject({}),
        nodeSelector: z.record(z.string(), z.string()).optional(),
        containers: z.array(containerSchema).length(1),
        volumes: z
          .array(
            z.looseObject({
              name: z.string(),
              configMap: z.object({ name: z.string() }).optional(),
              secret: z.looseObject({ secretName: z.string(), optional: z.boolean().optional() }).optional(),
              persistentVolumeClaim: z.looseObject({ claimName: z.string() }).optional(),
            }),
          )
          .default([]),
      }),
    }),
  }),
});
export type Workload = z.output<typeof workloadSchema>;
export type Container = z.output<typeof containerSchema>;

/** Deployments and StatefulSets among objects. */
export function workloadsIn(objects: readonly KubernetesObject[]): readonly Workload[] {
  return objects
    .filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet')
    .map((object) => workloadSchema.parse(object));
}

/** Those of them that run nodes. */
export function nodesIn(objects: readonly KubernetesObject[]): readonly Workload[] {
  return workloadsIn(objects).filter(({ spec }) => spec.template.spec.containers[0]?.name === 'troupe');
}

/** Its one container. */
export function containerOf({ spec }: Workload): Container {
  const [container] = spec.template.spec.containers;
  if (container === undefined) throw new Error('expected a container');
  return container;
}

/** The probes of a container by kind, each with its path and port. */
export function probesOf(container: Container): Readonly<Record<string, { path: string; port: string }>> {
  const { startupProbe, livenessProbe, readinessProbe } = container;
  return Object.fromEntries(
    Object.entries({ startupProbe, livenessProbe, readinessProbe }).map(([kind, probe]) => [
      kind,
      probeSchema.parse(probe).httpGet,
    ]),
  );
}

/** What a pod of the workload starts: `secret` is what the Secret of NATS holds. */
export function nodeOf(
  workload: Workload,
  objects: readonly KubernetesObject[],
  secret: Readonly<Record<string, string>>,
): DeployedNode {
  const container = containerOf(workload);
  const values = Object.fromEntries(
    container.env.map(({ name, value }) => [name, value ?? `${workload.metadata.name}-0`]),
  );
  const maps = workload.spec.template.spec.volumes.flatMap(({ configMap }) => configMap?.name ?? []);
  const map = objects.find(({ kind, metadata }) => kind === 'ConfigMap' && maps.includes(metadata.name));
  const { data } = z.looseObject({ data: z.record(z.string(), z.string()) }).parse(map);
  return {
    where: titleOf({ ...workload, apiVersion: 'apps/v1', metadata: { labels: {}, ...workload.metadata } }),
    args: container.args.map((arg) =>
      arg.replace(/\$\((\w+)\)/g, (whole, name: string) => values[name] ?? whole),
    ),
    env: { ...secret, ...values },
    configText: data['troupe.yaml'] ?? '',
  };
}
