// Subjects of the JetStream API as permissions name them, one list for each thing that a user may do with a stream. They
// are what the adapters in this folder ask on; a stream called `*` is any stream of the account.

/** Everybody asks this when connecting. */
export const ACCOUNT_SUBJECTS: readonly string[] = ['$JS.API.INFO'];

/** To see which streams there are, and how they stand. */
export const LISTING_SUBJECTS: readonly string[] = ['$JS.API.STREAM.NAMES', '$JS.API.STREAM.LIST'];

const SERVICE_VERBS = ['PING', 'INFO', 'STATS'];

/** To ask which services there are. */
export const DISCOVERY_SUBJECTS: readonly string[] = SERVICE_VERBS.map((verb) => `$SRV.${verb}`);

/** To ask the nodes of a service how they are; a service called `*` is any service of the account. */
export function serviceRequests(service: string): readonly string[] {
  return SERVICE_VERBS.flatMap((verb) => [`$SRV.${verb}.${service}`, `$SRV.${verb}.${service}.*`]);
}

/** What a node listens on as a service. */
export function serviceSubjects(service: string): readonly string[] {
  return ['$SRV.>', `${service}.*.stats`];
}

/** That a stream is there, and what it holds, without its messages. */
export function infoOf(stream: string): readonly string[] {
  return [`$JS.API.STREAM.INFO.${stream}`];
}

/** How a stream and its consumers stand. */
export function standingOf(stream: string): readonly string[] {
  return [...infoOf(stream), `$JS.API.CONSUMER.LIST.${stream}`, `$JS.API.CONSUMER.INFO.${stream}.*`];
}

/** The messages of a stream, one by one. */
export function readingOf(stream: string): readonly string[] {
  return [
    ...standingOf(stream),
    `$JS.API.STREAM.MSG.GET.${stream}`,
    `$JS.API.DIRECT.GET.${stream}`,
    `$JS.API.DIRECT.GET.${stream}.>`,
  ];
}

/** To delete single messages of a stream. */
export function deletingFrom(stream: string): readonly string[] {
  return [`$JS.API.STREAM.MSG.DELETE.${stream}`];
}

/** To delete many messages of a stream at once. */
export function purgingOf(stream: string): readonly string[] {
  return [`$JS.API.STREAM.PURGE.${stream}`];
}

/** To make a stream, and to change its limits. */
export function makingOf(stream: string): readonly string[] {
  return [`$JS.API.STREAM.CREATE.${stream}`, `$JS.API.STREAM.UPDATE.${stream}`];
}

/** To look at a stream, and to make consumers of it. */
export function equippingOf(stream: string): readonly string[] {
  return [
    ...standingOf(stream),
    `$JS.API.CONSUMER.CREATE.${stream}.>`,
    `$JS.API.CONSUMER.DURABLE.CREATE.${stream}.*`,
  ];
}

/** To delete a whole stream. */
export function removingOf(stream: string): readonly string[] {
  return [`$JS.API.STREAM.DELETE.${stream}`];
}

/** To take work from the consumers of a stream, and to read it by throw-away ones. */
export function consumingOf(stream: string): readonly string[] {
  return [
    `$JS.API.CONSUMER.CREATE.${stream}`,
    `$JS.API.CONSUMER.MSG.NEXT.${stream}.*`,
    `$JS.API.CONSUMER.DELETE.${stream}.*`,
    // With and without domain and account, as servers of different versions write them.
    `$JS.ACK.${stream}.>`,
    `$JS.ACK.*.*.${stream}.>`,
  ];
}

/** What the records of a bucket are written on; `key` may be a wildcard. */
export function recordSubject(bucket: string, key: string): string {
  return `$KV.${bucket}.${key}`;
}

/** What the objects of a bucket are written on: contents and descriptions. */
export function objectSubjects(bucket: string): readonly string[] {
  return [`$O.${bucket}.C.*`, `$O.${bucket}.M.*`];
}

/** To read the description of an object, and nothing of its content. */
export function describingOf(bucket: string, stream: string): readonly string[] {
  return [`$JS.API.DIRECT.GET.${stream}.$O.${bucket}.M.*`];
}

/** First tokens of the replies to one user, so that nobody else reads them. */
export function inboxPrefixOf(user: string): string {
  return `_INBOX.${user}`;
}
