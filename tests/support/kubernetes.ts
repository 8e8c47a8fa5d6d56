// Objects of Kubernetes in tests: built from a kustomization by kubectl (which brings Kustomize; no cluster is asked), and held
// against the schemas of Kubernetes, KEDA and the Prometheus operator.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { z } from 'zod';

const root = fileURLToPath(new URL('../..', import.meta.url));

const objectSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).default({}),
  }),
});
/** Any object; its kind says what else it has. */
export type KubernetesObject = z.output<typeof objectSchema>;

const KUSTOMIZE = [
  ['kubectl', 'kustomize'],
  ['kustomize', 'build'],
] as const;

/** How Kustomize is called here; `undefined` where it is not installed. */
export const kustomize = KUSTOMIZE.find(
  ([command, ...args]) => spawnSync(command, [...args, '--help'], { stdio: 'ignore' }).status === 0,
);

/** Objects of a kustomization below the root of the repository, or of an absolute path. @throws what Kustomize says */
export function built(folder: string): readonly KubernetesObject[] {
  if (kustomize === undefined) throw new Error('expected kubectl or kustomize, got neither');
  const [command, ...args] = kustomize;
  const run = spawnSync(command, [...args, folder], { cwd: root, encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`${folder}: ${run.stderr}`);
  return objectsIn(run.stdout);
}

/** What is built of an overlay once components are added to it, in a copy. */
export function builtWith(overlay: string, components: readonly string[]): readonly KubernetesObject[] {
  const copy = mkdtempSync(join(tmpdir(), 'troupe-k8s-'));
  try {
    cpSync(join(root, 'k8s'), copy, { recursive: true });
    const folder = join(copy, 'overlays', overlay);
    const path = join(folder, 'kustomization.yaml');
    const file = parse(readFileSync(path, 'utf8'));
    file.components.push(...components.map((component) => `../../components/${component}`));
    writeFileSync(path, stringify(file));
    return built(folder);
  } finally {
    rmSync(copy, { recursive: true });
  }
}

/** The objects of a YAML text. */
export function objectsIn(text: string): readonly KubernetesObject[] {
  return parseAllDocuments(text).map((document) => objectSchema.parse(document.toJS()));
}

const madeSchema = z.looseObject({
  kind: z.enum(['Secret', 'ConfigMap']),
  metadata: z.object({ name: z.string(), namespace: z.string() }),
  data: z.record(z.string(), z.string()).optional(),
  stringData: z.record(z.string(), z.string()).optional(),
});

/**
 * A Secret or ConfigMap that is made by hand, as k8s/nats/objects.example.yaml has it: for each key the file of the security
 * folder that it holds.
 */
export function madeByHand(namespace: string, name: string): Readonly<Record<string, string>> {
  const made = objectsIn(readFileSync(join(root, 'k8s/nats/objects.example.yaml'), 'utf8')).map((object) =>
    madeSchema.parse(object),
  );
  const found = made.find(({ metadata }) => metadata.name === name && metadata.namespace === namespace);
  if (found === undefined) throw new Error(`no ${name} is made by hand in ${namespace}`);
  return found.data ?? found.stringData ?? {};
}

/** What the schemas find wrong: kinds that they lack, missing fields, wrong values. */
export async function schemaProblems(objects: readonly KubernetesObject[]): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const object of objects) {
    const models: Readonly<Record<string, unknown>> = await import(moduleOf(object));
    const Model = models[object.kind] as (new (data: unknown) => { validate(): void }) | undefined;
    try {
      if (Model === undefined) throw new Error(`${object.apiVersion} has no such kind`);
      new Model(object).validate();
    } catch (error) {
      problems.push(`${titleOf(object)}: ${String(error)}`);
    }
  }
  return problems;
}

/** Fields that the objects have and their types do not: the schemas let these pass, a cluster would drop or refuse them. */
export function unknownFields(objects: readonly KubernetesObject[]): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-kubernetes-'));
  try {
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    const lines = objects.map(
      (object, at) =>
        `export const _${at}: import(${JSON.stringify(moduleOf(object))}).I${object.kind} = ${JSON.stringify(object)};`,
    );
    writeFileSync(join(folder, 'objects.ts'), lines.join('\n'));
    const compiler = join(
      dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
      'bin',
      'tsc',
    );
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'esnext'];
    const { status, stdout } = spawnSync(
      process.execPath,
      [compiler, ...options, '--types', '', 'objects.ts'],
      {
        cwd: folder,
        encoding: 'utf8',
      },
    );
    if (status === 0) return [];
    return stdout
      .split('\n')
      .filter((line) => line.startsWith('objects.ts'))
      .map((line) => {
        const object = objects[Number(/\((\d+),/.exec(line)?.[1] ?? 0) - 1];
        return `${object === undefined ? '' : titleOf(object)}: ${line.replace(/^.*?error /, '')}`;
      });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Kind and name, as people say them. */
export function titleOf({ kind, metadata }: KubernetesObject): string {
  return `${kind} ${metadata.name}`;
}

const CUSTOM: Readonly<Record<string, string>> = {
  'keda.sh': '@kubernetes-models/keda',
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
};

function moduleOf({ apiVersion }: KubernetesObject): string {
  const [group = ''] = apiVersion.split('/');
  return `${CUSTOM[group] ?? 'kubernetes-models'}/${apiVersion}`;
}
