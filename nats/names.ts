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
  };
  readonly streams: {
    intake(dataset: string): string;
    /** One stream per stage: in a shared one, a full stage would keep the next from being reached. */
    work(dataset: string, stage: string): string;
    journal(dataset: string): string;
    dead(dataset: string): string;
    outcome(dataset: string): string;
    readonly events: string;
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
}

/**
 * The names of `system`.
 * @throws InvalidName unless it is 1 to 16 of a-z and 0-9, a letter first.
 */
export function namesOf(system: string): SystemNames {
  if (!SYSTEM_NAME.test(system)) {
    throw new InvalidName(
      `system name ${JSON.stringify(system)}: expected 1 to 16 of a-z and 0-9, a letter first`,
    );
  }
  const stem = system.toUpperCase();
  const bucket = (kind: string) => `${system}-${kind}`;
  const datasetBucket = (kind: string) => (dataset: string) => `${system}-${kind}-${checkDataset(dataset)}`;
  const stream = (kind: string) => (dataset: string) => `${stem}_${kind}_${checkDataset(dataset)}`;
  return {
    system,
    subjects: {
      intake: (dataset) => `${system}.intake.${checkDataset(dataset)}`,
      outcome: (dataset, outcome) =>
        `${system}.outcome.${checkDataset(dataset)}.${checkToken('outcome', outcome)}`,
      dead: (dataset, stage) => `${system}.dead.${checkDataset(dataset)}.${checkToken('stage', stage)}`,
      work: (dataset, stage) => `${system}.work.${checkDataset(dataset)}.${checkToken('stage', stage)}`,
      journal: (dataset, actor, shard) =>
        `${system}.journal.${checkDataset(dataset)}.${checkToken('actor', actor)}.${checkToken('shard', String(shard))}`,
      events: (node, kind) =>
        `${system}.events.${checkToken('node', node)}.${checkToken('event kind', kind)}`,
      allEvents: `${system}.events.*.*`,
      ask: (dataset, actor) => `${system}.ask.${checkDataset(dataset)}.${checkToken('actor', actor)}`,
      askIndex: (dataset, node) => `${system}.ask.${checkDataset(dataset)}.index.${checkToken('node', node)}`,
      askNodes: `${system}.ask-nodes`,
      embed: (model) => `${system}.embed.${checkToken('model', model)}`,
      askEmbed: (model, node) =>
        `${system}.ask-embed.${checkToken('model', model)}.${checkToken('node', node)}`,
      embedLoads: (model) => `${system}.embed-loads.${checkToken('model', model)}`,
    },
    streams: {
      intake: stream('INTAKE'),
      work: (dataset, stage) => `${stem}_WORK_${checkDataset(dataset)}_${checkToken('stage', stage)}`,
      journal: stream('JOURNAL'),
      dead: stream('DEAD'),
      outcome: stream('OUTCOME'),
      events: `${stem}_EVENTS`,
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
  };
}

/** The stream behind a key-value bucket. */
export function recordStream(bucket: string): string {
  return `KV_${bucket}`;
}

/** The stream behind an object bucket. */
export function objectStream(bucket: string): string {
  return `OBJ_${bucket}`;
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
