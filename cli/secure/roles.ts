// What each role may do, as subjects that the server permits. Every subject is derived from the names of the system and
// its datasets; docs/security.md shows this very list, and a test holds it against a real nats-server.
import { STAGES } from '#actors';
import {
  ACCOUNT_SUBJECTS,
  consumingOf,
  DISCOVERY_SUBJECTS,
  deletingFrom,
  describingOf,
  equippingOf,
  inboxPrefixOf,
  infoOf,
  LISTING_SUBJECTS,
  makingOf,
  namePatternsOf,
  objectStream,
  objectSubjects,
  purgingOf,
  readingOf,
  recordStream,
  recordSubject,
  removingOf,
  type SystemNames,
  serviceRequests,
  serviceSubjects,
  standingOf,
} from '#nats';
import { KEEPER_ACTORS } from '../node/keeper-access.ts';

/** Roles of users, from the least to the most. */
export const USER_ROLES = ['publisher', 'viewer', 'reviewer', 'operator', 'node'] as const;
export type UserRole = (typeof USER_ROLES)[number];

/** All datasets, also those that are made later. */
export const ALL_DATASETS = '*';

/** Roles that are for named datasets only: what they may do cannot be said of all streams without saying too much. */
export const ROLES_OF_DATASETS: ReadonlySet<UserRole> = new Set(['publisher', 'reviewer']);

/** Roles that make streams, unless others manage them. */
export const ROLES_THAT_PROVISION: ReadonlySet<UserRole> = new Set(['operator', 'node']);

/** Who is given permissions. */
export interface Grantee {
  /** Name of the system. */
  readonly system: string;
  /** Name of the user, one subject token. */
  readonly user: string;
  /** Public key of the user. */
  readonly key: string;
  readonly role: UserRole;
  /** Names, or `ALL_DATASETS` alone. */
  readonly datasets: readonly string[];
  /** Whether it may make, change and delete streams where its role does; default true. */
  readonly provision?: boolean;
}

/** One reason with the subjects that it needs. */
export interface Grant {
  readonly why: string;
  readonly publish?: readonly string[];
  readonly subscribe?: readonly string[];
  /** Only for users who may make, change and delete streams. */
  readonly provisions?: true;
}

/** What a user may do and, where subjects with wildcards say too much, what is taken away again. */
export interface Permissions {
  readonly grants: readonly Grant[];
  readonly denied: readonly string[];
}

/** The permissions of a user. @throws InvalidName for a name that is no subject token or dataset */
export function permissionsOf(grantee: Grantee): Permissions {
  const names = namePatternsOf(grantee.system);
  const { provision = true } = grantee;
  const grants = [
    {
      why: 'to connect, and to get answers',
      publish: ACCOUNT_SUBJECTS,
      subscribe: [`${inboxPrefixOf(grantee.user)}.>`],
    },
    ...grantsOf(grantee, names).filter(({ provisions }) => provisions !== true || provision),
  ];
  const audit = names.streams.audit;
  const mayShorten = ROLES_THAT_PROVISION.has(grantee.role);
  return { grants, denied: mayShorten ? [...purgingOf(audit), ...removingOf(audit)] : [] };
}

function grantsOf(grantee: Grantee, names: SystemNames): readonly Grant[] {
  switch (grantee.role) {
    case 'publisher':
      return publishing(grantee, names);
    case 'viewer':
      return viewing(grantee, names);
    case 'reviewer':
      return [...viewing(grantee, names), ...reviewing(grantee, names), auditing(grantee, names)];
    case 'operator':
      return [
        ...viewing(grantee, names),
        ...publishing(grantee, names),
        ...reviewing(grantee, names),
        ...operating(grantee, names),
        auditing(grantee, names),
      ];
    case 'node':
      return running(names);
  }
}

function publishing({ datasets }: Grantee, names: SystemNames): readonly Grant[] {
  const { uploads } = names.objects;
  return [
    {
      why: 'to publish items, and to know that the dataset is there',
      publish: datasets.flatMap((dataset) => [
        names.subjects.intake(dataset),
        ...infoOf(names.streams.intake(dataset)),
      ]),
    },
    {
      why: 'to upload contents that fit no message; uploads of others cannot be read',
      publish: [...objectSubjects(uploads), ...describingOf(uploads, objectStream(uploads))],
    },
    {
      why: 'to ask for vectors of pictures, by every model that nodes serve',
      publish: [names.subjects.embed('*')],
    },
  ];
}

function viewing({ datasets }: Grantee, names: SystemNames): readonly Grant[] {
  const { streams, records, subjects } = names;
  const shared = [
    streams.events,
    streams.audit,
    ...[records.datasets, records.nodes, records.shards, records.heads, records.models].map(recordStream),
  ];
  return [
    {
      why: 'to see the status of the system: nodes, shards, queues, events, audit log',
      publish: [
        ...LISTING_SUBJECTS,
        ...DISCOVERY_SUBJECTS,
        ...serviceRequests('*'),
        ...shared.flatMap(readingOf),
        ...[records.attempts, records.config, records.cache].map(recordStream).flatMap(standingOf),
        ...[names.objects.uploads, names.objects.models].map(objectStream).flatMap(standingOf),
      ],
      subscribe: [subjects.allEvents, subjects.allAudits],
    },
    {
      why: 'to read datasets: explanations, outcomes, dead letters, manifests, contents',
      publish: unique(
        datasets.flatMap((dataset) => [
          subjects.ask(dataset, KEEPER_ACTORS.read),
          ...readStreams(names, dataset).flatMap(readingOf),
          ...STAGES.flatMap((stage) => readingOf(streams.work(dataset, stage))),
          ...[streams.journal(dataset), objectStream(names.objects.snapshots(dataset))].flatMap(standingOf),
        ]),
      ),
      subscribe: datasets.map((dataset) => subjects.outcome(dataset, '*')),
    },
  ];
}

/** Streams of a dataset that people read, message by message. */
function readStreams({ streams, objects, records }: SystemNames, dataset: string): readonly string[] {
  return [
    streams.intake(dataset),
    streams.dead(dataset),
    streams.outcome(dataset),
    ...[objects.blobs(dataset), objects.manifests(dataset)].map(objectStream),
    ...[records.details(dataset), records.vectors(dataset)].map(recordStream),
  ];
}

function reviewing({ datasets }: Grantee, { subjects, streams }: SystemNames): readonly Grant[] {
  return [
    {
      why: 'to retry and purge dead letters',
      publish: datasets.flatMap((dataset) => [
        subjects.ask(dataset, KEEPER_ACTORS.review),
        subjects.intake(dataset),
        ...deletingFrom(streams.dead(dataset)),
      ]),
    },
  ];
}

function operating({ datasets }: Grantee, names: SystemNames): readonly Grant[] {
  const { subjects, records, objects } = names;
  const isSystemWide = datasets.includes(ALL_DATASETS);
  const streams = datasets.flatMap((dataset) => datasetStreams(names, dataset));
  const wide: Grant = {
    why: 'to drain nodes, to add models, to clear and warm the shared cache, and to clear the records of deleted datasets',
    publish: [
      recordSubject(records.nodes, '>'),
      recordSubject(records.models, '>'),
      ...objectSubjects(objects.models),
      ...describingOf(objects.models, objectStream(objects.models)),
      recordSubject(records.cache, '>'),
      subjects.forgetVectors,
      ...systemStreams(names).flatMap(equippingOf),
      ...[records.datasets, records.nodes, records.shards, records.heads, records.attempts, records.cache]
        .map(recordStream)
        .flatMap(purgingOf),
    ],
  };
  const making: Grant = {
    why: 'to make the streams that the system keeps its own state in',
    publish: systemStreams(names).flatMap(makingOf),
    provisions: true,
  };
  return [
    {
      why: 'to create, change and delete datasets, to cut and roll back manifests, to erase items',
      publish: unique([
        subjects.askNodes,
        ...datasets.flatMap((dataset) => [
          subjects.ask(dataset, KEEPER_ACTORS.order),
          recordSubject(records.datasets, dataset),
          ...[records.heads, records.shards, records.attempts].map((bucket) =>
            recordSubject(bucket, `${dataset}.>`),
          ),
        ]),
        ...streams.flatMap((stream) => [...equippingOf(stream), ...purgingOf(stream)]),
      ]),
    },
    {
      why: 'to make and delete the streams of datasets',
      publish: unique(streams.flatMap((stream) => [...makingOf(stream), ...removingOf(stream)])),
      provisions: true,
    },
    {
      why: 'to move shards',
      publish: datasets.map((dataset) => recordSubject(records.nodes, `pin.${dataset}.*`)),
    },
    ...(isSystemWide ? [wide, making] : []),
  ];
}

/** What a person does is told under the person's own key, which the server makes sure of. */
function auditing({ key }: Grantee, { subjects }: SystemNames): Grant {
  return { why: 'to tell what was done', publish: [subjects.audit(key, '*')] };
}

function running(names: SystemNames): readonly Grant[] {
  const { subjects } = names;
  const any = '*';
  return [
    { why: 'to make streams', publish: makingOf(any), provisions: true },
    {
      why: 'to make consumers, to read and trim streams, and to take work from them',
      publish: unique([
        ...LISTING_SUBJECTS,
        ...[equippingOf, readingOf, purgingOf, deletingFrom, consumingOf].flatMap((subjectsOf) =>
          subjectsOf(any),
        ),
      ]),
    },
    {
      why: 'to pass items from stage to stage, with journals, records and objects',
      publish: [
        subjects.work(any, any),
        subjects.dead(any, any),
        subjects.outcome(any, any),
        subjects.journal(any, any, any),
        subjects.events(any, any),
        recordSubject(any, '>'),
        ...objectSubjects(any),
      ],
    },
    {
      why: 'to ask each other, and to answer everyone',
      publish: [
        subjects.askIndex(any, any),
        subjects.askNodes,
        subjects.askEmbed(any, any),
        subjects.embedLoads(any),
        subjects.forgetVectors,
        ...serviceRequests(names.service),
        '_INBOX.>',
      ],
      subscribe: unique([
        ...Object.values(KEEPER_ACTORS).map((actor) => subjects.ask(any, actor)),
        subjects.askIndex(any, any),
        subjects.askNodes,
        subjects.embed(any),
        subjects.askEmbed(any, any),
        subjects.embedLoads(any),
        subjects.forgetVectors,
        ...serviceSubjects(names.service),
        ...serviceSubjects(names.embedService(any)),
      ]),
    },
  ];
}

function systemStreams({ streams, records, objects }: SystemNames): readonly string[] {
  return [
    streams.events,
    streams.audit,
    ...[records.datasets, records.nodes, records.shards, records.heads, records.attempts, records.config].map(
      recordStream,
    ),
    ...[records.models, records.cache].map(recordStream),
    ...[objects.uploads, objects.models].map(objectStream),
  ];
}

function datasetStreams(names: SystemNames, dataset: string): readonly string[] {
  const { streams, objects } = names;
  return [
    ...readStreams(names, dataset),
    streams.journal(dataset),
    objectStream(objects.snapshots(dataset)),
    ...STAGES.map((stage) => streams.work(dataset, stage)),
  ];
}

function unique(subjects: readonly string[]): readonly string[] {
  return [...new Set(subjects)];
}
