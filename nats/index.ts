// The door of nats/: everything which other folders use of NATS and JetStream.
export { NatsBlobs } from './blobs.ts';
export { CODEC_VERSIONS, type CodecVersions, decode, encode, VersionedCodec } from './codec.ts';
export { type LinkStatus, NatsLink, type PlainMessage } from './connection.ts';
export type { Credentials } from './credentials.ts';
export { deleteMessage } from './delete-message.ts';
export { NatsEntries } from './entries.ts';
export {
  CertificateRefused,
  CodecError,
  ConsumerTaken,
  CredentialsRefused,
  InvalidName,
  JetStreamUnavailable,
  JournalNotOwned,
  LinkClosed,
  NatsUnreachable,
  NoQuorum,
  NoResponders,
  NoStream,
  ObjectDamaged,
  PermissionDenied,
  PublishRefused,
  ReplicasRefused,
  RequestFailed,
  RequestTimeout,
  StorageTooSmall,
  StreamFull,
  StreamsNotAsExpected,
  type TopologyDifference,
  TopologyMismatch,
  UploadNotFound,
  UploadTooLarge,
  WorkSourceFailed,
} from './errors.ts';
export { featuresOf, type ServerFeatures } from './features.ts';
export { followStream, sequenceSince } from './follow-stream.ts';
export type { WaitingSubject } from './full-subjects.ts';
export {
  type ConsumerStanding,
  consumerStates,
  eachMessage,
  messageAt,
  type StreamStanding,
  streamState,
} from './inspect.ts';
export { NatsJournal, type NatsJournalOptions } from './journal.ts';
export { type ServiceOptions, type ServiceStats, serveNode, statsOf } from './microservice.ts';
export {
  DATASET_NAME,
  namePatternsOf,
  namesOf,
  objectStream,
  recordStream,
  type SystemNames,
} from './names.ts';
export { ObjectBucket } from './object-bucket.ts';
export type { ObjectDescription } from './object-description.ts';
export type { ConnectOptions } from './open-connection.ts';
export { explainSilence, noQuorum } from './patience.ts';
export {
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
  objectSubjects,
  purgingOf,
  readingOf,
  recordSubject,
  removingOf,
  serviceRequests,
  serviceSubjects,
  standingOf,
} from './permission-subjects.ts';
export { isFullCode } from './publish-answer.ts';
export { type QueueStanding, queueStanding } from './queue-standing.ts';
export { NatsRecords, type StoredRecord } from './records.ts';
export {
  RETRY_AFTER_HEADER,
  type ServiceAnswer,
  ServiceRefusal,
  type ServiceRequest,
  serveRequests,
} from './request-service.ts';
export {
  DataFolderBusy,
  DiskWatch,
  EMBEDDED_MAX_PAYLOAD_BYTES,
  EmbeddedServer,
  type EmbeddedServerOptions,
  findRunningServer,
  freeBytesOf,
  jetStreamTrouble,
  MAX_INLINE_BODY_BYTES,
  NatsServerNotFound,
  reloadServer,
  resolveNatsServer,
} from './server/index.ts';
export { UNAVAILABLE } from './service-headers.ts';
export { SharedCache, type SharedCacheStanding } from './shared-cache.ts';
export { JetStreamRefused, type StoredMessage } from './stored-message.ts';
export { type StreamHealth, streamHealth } from './stream-health.ts';
export {
  datasetExists,
  deleteDataset,
  ensureDataset,
  ensureStream,
  ensureSystem,
  plannedStreams,
  systemExists,
  systemReplicas,
} from './topology.ts';
export {
  type DatasetOptions,
  INTAKE_CONSUMER,
  type StagePlan,
  type StreamOptions,
  type SystemOptions,
} from './topology-table.ts';
export { NatsUploads } from './uploads.ts';
export { identityOf, newUserKey, type UserKey } from './user-key.ts';
export {
  type PublishOptions,
  WindowPublisher,
  type WindowPublisherOptions,
} from './window-publisher.ts';
export type { WorkConsumerOptions } from './work-consumer.ts';
export { NatsWorkSource } from './work-source.ts';
