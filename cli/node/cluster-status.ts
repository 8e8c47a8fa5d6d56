// The nodes and shards of a system as their records tell, read by any process that reaches NATS, also when no node
// answers. How old a renewal is, is told by the server's clock: for people to read, never to decide by.
import { ROLE_OF_STAGE, ROLES, type Stage, unattendedStages } from '#actors';
import { NatsRecords } from '#nats';
import {
  CODEC_KEY,
  COORDINATOR_KEY,
  type NodeRecord,
  ownsShards,
  parseCodecRecord,
  parseCoordinatorRecord,
  parseDrainRecord,
  parseNodeRecord,
  parsePinRecord,
  parseShardRecord,
  shardKeysOf,
} from '#runtime';
import {
  type AllocationPlan,
  allocate,
  type CodecAgreement,
  FIRST_AGREEMENT,
  heldShards,
  type Member,
  type RecordedShard,
  withDrained,
} from '#supervision';
import type { ClientSystem } from './client-system.ts';
import { recordedShards } from './dataset-registry.ts';

/** A node as it is recorded. */
export interface MemberStatus {
  readonly name: string;
  /** What it says of itself, or what follows from its silence. */
  readonly state: NodeRecord['state'] | 'unreachable' | 'gone';
  readonly version: string;
  readonly weight: number;
  /** Parts of the system that it runs. */
  readonly roles: readonly string[];
  /** Versions of the message format that it reads. */
  readonly messageVersions: NodeRecord['codec'];
  /** RFC 3339. */
  readonly started: string;
  readonly leaseMs: number;
  /** Milliseconds since its last renewal. */
  readonly renewedMs: number;
  readonly isCoordinator: boolean;
  /** Whether a person has ordered it to have no shards. */
  readonly drained: boolean;
}

/** A shard as it is recorded. */
export interface ShardStatus {
  /** `<dataset>.<number>` or `<dataset>.keeper`. */
  readonly shard: string;
  readonly phase: 'active' | 'moving' | 'released' | 'never owned';
  readonly owner: string | null;
  /** 0: it never had an owner. */
  readonly epoch: number;
  /** Whom it is offered to. */
  readonly target: string | null;
  /** To which node a person has moved it. */
  readonly pinned: string | null;
}

/** Who is there and whose what is. */
export interface ClusterStatus {
  readonly members: readonly MemberStatus[];
  readonly shards: readonly ShardStatus[];
  /** Names of drained nodes, also of those that are not there. */
  readonly drained: readonly string[];
  /** The version of the message format that all nodes write. */
  readonly messageVersion: number;
  /** Stages whose queues no node that is there empties. */
  readonly unattended: readonly Stage[];
}

/** Records as they were read. */
export interface ClusterRecords {
  readonly nodes: readonly { readonly record: NodeRecord; readonly renewedMs: number }[];
  readonly coordinator: string | undefined;
  readonly codec: CodecAgreement;
  readonly shards: readonly RecordedShard[];
  readonly drained: ReadonlySet<string>;
}

/** Reads the records of all nodes, and those of all shards of the recorded datasets. */
export async function readCluster(system: ClientSystem): Promise<ClusterRecords> {
  const { link, names } = system;
  const nodes: { record: NodeRecord; renewedMs: number }[] = [];
  const drained = new Set<string>();
  const pins = new Map<string, string>();
  let coordinator: string | undefined;
  let codec = FIRST_AGREEMENT;
  for (const { key, value, ageMs: renewedMs } of await new NatsRecords(link, names.records.nodes).entries()) {
    if (key === COORDINATOR_KEY) coordinator = parseCoordinatorRecord(value)?.node;
    if (key === CODEC_KEY) codec = parseCodecRecord(value) ?? codec;
    const record = parseNodeRecord(key, value);
    if (record !== undefined) nodes.push({ record, renewedMs });
    const drain = parseDrainRecord(key, value);
    if (drain?.drained === true) drained.add(drain.node);
    const pin = parsePinRecord(key, value);
    if (pin !== undefined && pin.node !== null) pins.set(pin.shard, pin.node);
  }
  const stored = await new NatsRecords(link, names.records.shards).entries();
  const records = new Map(stored.map(({ key, value }) => [key, parseShardRecord(value)]));
  const shards = [...(await system.registry.list())].flatMap(([dataset, record]) =>
    shardKeysOf(dataset, recordedShards(record)).map((id) => {
      const pin = pins.get(id);
      return { id, record: records.get(id), ...(pin !== undefined && { pin }) };
    }),
  );
  return { nodes, coordinator, codec, shards, drained };
}

/** The records as people read them. */
export function clusterStatus(records: ClusterRecords): ClusterStatus {
  const { nodes, coordinator, codec, shards, drained } = records;
  const present = nodes.filter(({ record, renewedMs }) => isPresent(stateOf(record, renewedMs)));
  return {
    messageVersion: codec.version,
    unattended: unattendedStages(present.map(({ record }) => record.roles ?? ROLES)),
    members: nodes.map(({ record, renewedMs }) => {
      const { name, version, weight, started, leaseMs, roles = ROLES, codec: messageVersions } = record;
      const isCoordinator = name === coordinator && record.state !== 'left';
      return {
        name,
        state: stateOf(record, renewedMs),
        version,
        weight,
        roles,
        messageVersions,
        started,
        leaseMs,
        renewedMs,
        isCoordinator,
        drained: drained.has(name),
      };
    }),
    shards: shards.map(({ id: shard, record, pin }) => ({
      shard,
      phase: record?.phase ?? 'never owned',
      owner: record === undefined || record.phase === 'released' ? null : record.owner,
      epoch: record?.epoch ?? 0,
      target: record === undefined || record.phase === 'active' ? null : record.target,
      pinned: pin ?? null,
    })),
    drained: [...drained].sort(),
  };
}

/** What would be done next: the plan of the present moment, carried out by nobody. */
export function dryRun(records: ClusterRecords): AllocationPlan {
  const present = records.nodes.flatMap(({ record, renewedMs }): Member[] => {
    const state = stateOf(record, renewedMs);
    if (state === 'left' || state === 'gone' || !ownsShards(record)) return [];
    return [{ id: record.name, weight: record.weight, state }];
  });
  const members = withDrained(present, records.drained);
  return allocate(members, heldShards(records.shards, members));
}

/** What is wrong with it, in words. */
export function clusterProblems({ members, shards, unattended }: ClusterStatus): readonly string[] {
  const present = new Set(members.flatMap(({ name, state }) => (isPresent(state) ? [name] : [])));
  const silent = members.filter(({ state }) => state === 'unreachable' || state === 'gone');
  const active = members.filter(({ state }) => state === 'active');
  const orphans = shards.filter(({ owner }) => owner === null || !present.has(owner));
  return [
    ...silent.map(({ name, state }) => `node ${name} is ${state}: it does not renew its lease`),
    ...(orphans.length === 0
      ? []
      : [`${orphans.length} of ${shards.length} shards have no owner that is there`]),
    ...(active.length > 0 && active.every(({ drained }) => drained)
      ? ['every active node is drained: they keep the shards until another one is there']
      : []),
    ...(present.size === 0
      ? []
      : unattended.map((stage) => {
          return `no node that is there runs stage ${stage} (role ${ROLE_OF_STAGE[stage]}): its items wait`;
        })),
  ];
}

function isPresent(state: MemberStatus['state']): boolean {
  return state !== 'left' && state !== 'gone';
}

function stateOf({ state, leaseMs }: NodeRecord, renewedMs: number): MemberStatus['state'] {
  if (state === 'left') return state;
  if (renewedMs >= leaseMs) return 'gone';
  return renewedMs >= leaseMs / 2 ? 'unreachable' : state;
}
