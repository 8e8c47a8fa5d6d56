// Every subject, stream, consumer and bucket name of one system, derived in one place from its name and the
// dataset's. The alphabets are narrow so that no name can be mistaken for another's: a system has no dash, and
// neither has an underscore.
import { InvalidName } from './errors.ts';

/** What a dataset may be called: one subject token, also valid in stream and bucket names. */
export const DATASET_NAME = /^[a-z0-9][a-z0-9-]{0,31}$/;
const SYSTEM_NAME = /^[a-z][a-z0-9]{0,15}$/;
const TOKEN = /^[A-Za-z0-9_-]{1,64}$/;

/** The names of one system. Each method throws `InvalidName` for a dataset or token outside its alphabet. */
export interface SystemNames {
  readonly system: string;
  readonly subjects: {
    /** Where publishers send items. */
    intake(dataset: string): string;
    /** Where an outcome is announced: kept, duplicate, rejected, review, dead, superseded. */
    outcome(dataset: string, outcome: string): string;
    dead(dataset: string, stage: string): string;
    work(dataset: string, stage: string): string;
    journal(dataset: string, actor: string, shard: string | number): string;
    events(node: string, kind: string): string;
    /** Events of all nodes and kinds. */
    readonly allEvents: string;
    /** Where the owner of one of a dataset's actors answers requests. */
    ask(dataset: string, actor: string): string;
    /** What a person has done: `who` as the server's permissions know them, and the command. */
    audit(who: string, command: string): string;
    /** What everyone has done. */
    readonly allAudits: string;
    /** Where a node answers for the index shards that it owns. */
    askIndex(dataset: string, node: string): string;
    /** Where nodes are told that the recorded datasets have changed. */
    readonly askNodes: string;
    /** Where anyone asks for a vector by a model. */
    embed(model: string): string;
    /** Where one replica of that service answers what others pass on to it. */
    askEmbed(model: string, node: string): string;
    /** Where the replicas tell each other how busy they are. */
    embedLoads(model: string): string;
    /** Where nodes are told which vectors are gone from the shared cache, so that none keeps them in memory. */
    readonly forgetVectors: string;
  };
  readonly streams: {
    intake(dataset: string): string;
    /** One stream per stage: in a shared one, a full stage would keep the next from being reached. */
    work(dataset: string, stage: string): string;
    journal(dataset: string): string;
    dead(dataset: string): string;
    outcome(dataset: string): string;
    readonly events: string;
    readonly audit: string;
  };
  /** Key-value buckets; the stream behind bucket `b` is `KV_b`. */
  readonly records: {
    readonly datasets: string;
    readonly nodes: string;
    readonly shards: string;
    readonly heads: string;
    /** Durable marks of suspect messages. */
    readonly attempts: string;
    readonly config: string;
    /** Vectors that nodes share; the oldest go when it is full. */
    readonly cache: string;
    /** Models that were added, which version a dataset took, and where models run. */
    readonly models: string;
    /** What an item or a content has besides its bytes: payloads and proxies, small and immutable. */
    details(dataset: string): string;
    vectors(dataset: string): string;
  };
  /** Object buckets; the stream behind bucket `b` is `OBJ_b`. */
  readonly objects: {
    readonly uploads: string;
    /** Files of models that were added, by their sha256. */
    readonly models: string;
    blobs(dataset: string): string;
    snapshots(dataset: string): string;
    manifests(dataset: string): string;
  };
  /** Name of the `$SRV` service which each node answers as. */
  readonly service: string;
  /** Name of the `$SRV` service which each replica of a model answers as. */
  embedService(model: string): string;
}

/**
 * The names of `system`.
 * @throws InvalidName unless it is 1 to 16 of a-z and 0-9, a letter first.
 */
export function namesOf(system: string): SystemNames {
  return buildNames(system, { dataset: checkDataset, token: checkToken });
}

/**
 * As `namesOf`, for permissions: `*` is any dataset, node or other token. The server knows no wildcard within a token, so
 * that the stream or bucket of any dataset is `*`: any stream of the account.
 */
export function namePatternsOf(system: string): SystemNames {
  return buildNames(system, {
    dataset: (dataset) => (dataset === '*' ? dataset : checkDataset(dataset)),
    token: (what, value) => (value === '*' ? value : checkToken(what, value)),
  });
}

/** What becomes of a name's parts that vary. */
interface NameParts {
  dataset(dataset: string): string;
  token(what: string, value: string): string;
}

function buildNames(system: string, parts: NameParts): SystemNames {
  if (!SYSTEM_NAME.test(system)) {
    throw new InvalidName(
      `system name ${JSON.stringify(system)}: expected 1 to 16 of a-z and 0-9, a letter first`,
    );
  }
  const stem = system.toUpperCase();
  const bucket = (kind: string) => `${system}-${kind}`;
  const datasetBucket = (kind: string) => (dataset: string) =>
    oneToken(`${system}-${kind}-${parts.dataset(dataset)}`);
  const stream = (kind: string) => (dataset: string) => oneToken(`${stem}_${kind}_${parts.dataset(dataset)}`);
  return {
    system,
    subjects: {
      intake: (dataset) => `${system}.intake.${parts.dataset(dataset)}`,
      outcome: (dataset, outcome) =>
        `${system}.outcome.${parts.dataset(dataset)}.${parts.token('outcome', outcome)}`,
      dead: (dataset, stage) => `${system}.dead.${parts.dataset(dataset)}.${parts.token('stage', stage)}`,
      work: (dataset, stage) => `${system}.work.${parts.dataset(dataset)}.${parts.token('stage', stage)}`,
      journal: (dataset, actor, shard) =>
        `${system}.journal.${parts.dataset(dataset)}.${parts.token('actor', actor)}.${parts.token('shard', String(shard))}`,
      events: (node, kind) =>
        `${system}.events.${parts.token('node', node)}.${parts.token('event kind', kind)}`,
      allEvents: `${system}.events.*.*`,
      ask: (dataset, actor) => `${system}.ask.${parts.dataset(dataset)}.${parts.token('actor', actor)}`,
      audit: (who, command) =>
        `${system}.audit.${parts.token('who', who)}.${parts.token('command', command)}`,
      allAudits: `${system}.audit.*.*`,
      askIndex: (dataset, node) =>
        `${system}.ask.${parts.dataset(dataset)}.index.${parts.token('node', node)}`,
      askNodes: `${system}.ask-nodes`,
      embed: (model) => `${system}.embed.${parts.token('model', model)}`,
      askEmbed: (model, node) =>
        `${system}.ask-embed.${parts.token('model', model)}.${parts.token('node', node)}`,
      embedLoads: (model) => `${system}.embed-loads.${parts.token('model', model)}`,
      forgetVectors: `${system}.forget-vectors`,
    },
    streams: {
      intake: stream('INTAKE'),
      work: (dataset, stage) =>
        oneToken(`${stem}_WORK_${parts.dataset(dataset)}_${parts.token('stage', stage)}`),
      journal: stream('JOURNAL'),
      dead: stream('DEAD'),
      outcome: stream('OUTCOME'),
      events: `${stem}_EVENTS`,
      audit: `${stem}_AUDIT`,
    },
    records: {
      datasets: bucket('datasets'),
      nodes: bucket('nodes'),
      shards: bucket('shards'),
      heads: bucket('heads'),
      attempts: bucket('attempts'),
      config: bucket('config'),
      cache: bucket('cache'),
      models: bucket('models'),
      details: datasetBucket('details'),
      vectors: datasetBucket('vectors'),
    },
    objects: {
      uploads: bucket('uploads'),
      models: bucket('models'),
      blobs: datasetBucket('blobs'),
      snapshots: datasetBucket('snapshots'),
      manifests: datasetBucket('manifests'),
    },
    service: `${system}-node`,
    embedService: (model) => oneToken(`${system}-embed-${parts.token('model', model)}`),
  };
}

/** The stream behind a key-value bucket. */
export function recordStream(bucket: string): string {
  return oneToken(`KV_${bucket}`);
}

/** The stream behind an object bucket. */
export function objectStream(bucket: string): string {
  return oneToken(`OBJ_${bucket}`);
}

function checkDataset(dataset: string): string {
  if (!DATASET_NAME.test(dataset)) {
    throw new InvalidName(
      `dataset name ${JSON.stringify(dataset)}: expected 1 to 32 of a-z, 0-9 and -, not - first`,
    );
  }
  return dataset;
}

function checkToken(what: string, value: string): string {
  if (!TOKEN.test(value)) {
    throw new InvalidName(`${what} ${JSON.stringify(value)}: expected 1 to 64 of A-Z, a-z, 0-9, _ and -`);
  }
  return value;
}

function oneToken(name: string): string {
  return name.includes('*') ? '*' : name;
}
