// How Kubernetes ends a pod of a node, as the manifests in k8s/ have it: what comes before SIGTERM, how long it waits before
// SIGKILL, where it asks for health, and how long the node itself takes to drain at most.
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';

const read = (path: string): unknown =>
  parse(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'));

const probeSchema = z.looseObject({ httpGet: z.looseObject({ path: z.string() }) });
const podSchema = z.looseObject({
  spec: z.looseObject({
    template: z.looseObject({
      spec: z.looseObject({
        terminationGracePeriodSeconds: z.number(),
        containers: z.tuple([
          z.looseObject({
            lifecycle: z.unknown().optional(),
            livenessProbe: probeSchema,
            readinessProbe: probeSchema,
          }),
        ]),
      }),
    }),
  }),
});
const configSchema = z.looseObject({ node: z.looseObject({ drainMs: z.number() }) });

export interface PodEnd {
  /** Hooks of the container; `undefined`: SIGTERM is the first that a node hears. */
  readonly hooks: unknown;
  /** From the first hook to SIGKILL. */
  readonly graceMs: number;
  readonly drainMs: number;
  /** Paths that the kubelet asks. */
  readonly livePath: string;
  readonly readyPath: string;
}

/** What k8s/ says, for all overlays: they change nothing of it, which `tests/integration/kubernetes.test.ts` makes sure of. */
export function podEnd(): PodEnd {
  const { terminationGracePeriodSeconds, containers } = podSchema.parse(
    read('k8s/components/node-pod/pod.yaml'),
  ).spec.template.spec;
  const [{ lifecycle, livenessProbe, readinessProbe }] = containers;
  return {
    hooks: lifecycle,
    graceMs: terminationGracePeriodSeconds * 1_000,
    drainMs: configSchema.parse(read('k8s/base/troupe.yaml')).node.drainMs,
    livePath: livenessProbe.httpGet.path,
    readyPath: readinessProbe.httpGet.path,
  };
}
