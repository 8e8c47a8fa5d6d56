// The configuration that NATS's official chart makes of k8s/nats/values.yaml, as far as the values decide it: which file stands
// where, and how `$include` and `<< >>` are written. The chart itself is not at hand where tests run.
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';

/** Where the chart has its own configuration. */
const CONFIG_FOLDER = '/etc/nats-config';
/** Where it mounts certificates, unless values say otherwise. */
const CERTIFICATES = {
  nats: '/etc/nats-certs/nats',
  cluster: '/etc/nats-certs/cluster',
  ca: '/etc/nats-ca-cert',
};

const tlsSchema = z.object({
  enabled: z.literal(true),
  secretName: z.string(),
  cert: z.string(),
  key: z.string(),
  merge: z.record(z.string(), z.unknown()).default({}),
});
const patchSchema = z.array(z.looseObject({ value: z.looseObject({ name: z.string() }) }));
const valuesSchema = z.looseObject({
  fullnameOverride: z.string(),
  tlsCA: z.object({ enabled: z.literal(true), secretName: z.string(), key: z.string() }),
  config: z.looseObject({
    cluster: z.looseObject({ replicas: z.number(), noAdvertise: z.boolean(), tls: tlsSchema }),
    jetstream: z.looseObject({ fileStore: z.looseObject({ maxSize: z.string() }) }),
    nats: z.object({ tls: tlsSchema }),
    monitor: z.looseObject({ port: z.number() }),
    merge: z.looseObject({ $include: z.string() }),
  }),
  container: z.looseObject({ patch: patchSchema }),
  podTemplate: z.looseObject({ patch: patchSchema }),
});
type Tls = z.output<typeof tlsSchema>;

/** The values for production. */
export const chartValues = valuesSchema.parse(
  parse(readFileSync(new URL('../../k8s/nats/values.yaml', import.meta.url), 'utf8')),
);

/** Secrets and ConfigMaps that the pods mount beside the chart's own, by the folder in which a server finds them. */
export function chartMounts(): ReadonlyMap<string, string> {
  const { tlsCA, config, container, podTemplate } = chartValues;
  const added = podTemplate.patch.map(({ value }) => {
    const { configMap } = z.looseObject({ configMap: z.object({ name: z.string() }) }).parse(value);
    const mount = container.patch.find((patch) => patch.value.name === value.name)?.value;
    return [z.looseObject({ mountPath: z.string() }).parse(mount).mountPath, configMap.name] as const;
  });
  return new Map([
    [CERTIFICATES.ca, tlsCA.secretName],
    [CERTIFICATES.nats, config.nats.tls.secretName],
    [CERTIFICATES.cluster, config.cluster.tls.secretName],
    ...added,
  ]);
}

/** nats.conf of one server, as a member of the cluster or as if it had none. */
export function chartConfiguration({ clustered }: { readonly clustered: boolean }): string {
  const { fullnameOverride: name, tlsCA, config } = chartValues;
  const { cluster, jetstream, merge, monitor } = config;
  const tls = (folder: string, { cert, key, merge: more }: Tls) => ({
    cert_file: `${folder}/${cert}`,
    key_file: `${folder}/${key}`,
    ca_file: `${CERTIFICATES.ca}/${tlsCA.key}`,
    ...more,
  });
  const routes = Array.from(
    { length: cluster.replicas },
    (_, at) => `tls://${name}-${at}.${name}-headless:6222`,
  );
  const whole = {
    server_name: '<< $SERVER_NAME >>',
    port: 4222,
    http_port: monitor.port,
    tls: tls(CERTIFICATES.nats, config.nats.tls),
    jetstream: {
      store_dir: '/data',
      max_memory_store: 0,
      max_file_store: `<< ${jetstream.fileStore.maxSize} >>`,
    },
    ...(clustered && {
      cluster: {
        name,
        port: 6222,
        no_advertise: cluster.noAdvertise,
        routes,
        tls: tls(CERTIFICATES.cluster, cluster.tls),
      },
    }),
    ...merge,
  };
  return JSON.stringify(sorted(whole), null, 2)
    .replaceAll(/"[^"\n]*\$include": "([^"\n]*)",?/g, 'include $1;')
    .replaceAll(/"<< (.*?) >>"/g, '$1');
}

/** Where nats.conf stands. */
export const CHART_CONFIG_FILE = `${CONFIG_FOLDER}/nats.conf`;

function sorted(value: object): object {
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
