// Everything about the nats-server program itself: finding or fetching it, running it, finding it again.
// But for one question after a full disk nothing in here speaks JetStream; connections and streams are built on the
// address that comes out.

export { BinaryCache } from './binary-cache.ts';
export { type DataFolder, dataFolderPaths, prepareDataFolder } from './data-folder.ts';
export { DISK_RESERVE_BYTES, DiskWatch, freeBytesOf } from './disk-watch.ts';
export { type Archive, archivesIn, type Distribution } from './distribution.ts';
export { EmbeddedServer } from './embedded-server.ts';
export type { EmbeddedServerOptions } from './embedded-server-options.ts';
export { findRunningServer, type RunningServer } from './find-running-server.ts';
export { jetStreamTrouble } from './jetstream-check.ts';
export { LocalMachine } from './local-machine.ts';
export type { CommandOptions, CommandResult, DownloadOptions, Machine } from './machine.ts';
export { endProcess, type LaunchOptions, launchNatsServer, type NatsProcess } from './nats-process.ts';
export { inspectProcess, isAlive, type LiveProcess, type ProcessId, signalProcess } from './process-table.ts';
export { PINNED_RELEASE, type PinnedRelease, ReleaseSource } from './release-source.ts';
export { reloadServer } from './reload-server.ts';
export {
  type ResolvedServer,
  type ResolveOptions,
  resolveNatsServer,
  type ServerWish,
  sourcesFor,
} from './resolve-server.ts';
export { RestartDelay } from './restart-delay.ts';
export {
  type ClusterMembership,
  type Durability,
  EMBEDDED_MAX_PAYLOAD_BYTES,
  MAX_INLINE_BODY_BYTES,
  possibleDurability,
  renderConfiguration,
  type ServerConfiguration,
  STORE_KEY_VARIABLE,
} from './server-config.ts';
export {
  ChecksumMismatch,
  DataFolderBusy,
  NatsServerNotFound,
  NatsServerStartFailed,
  NatsServerUnusable,
  type ServerAttempt,
  StoreKeyRefused,
} from './server-errors.ts';
export type { ServerAddress, ServerEvent } from './server-event.ts';
export { type ProbeOptions, type ProbeResult, probeServer } from './server-probe.ts';
export type { FoundServer, NothingFound, ServerSource } from './server-source.ts';
export { compareVersions, OLDEST_SERVER_VERSION } from './server-version.ts';
export { StartLock, type StartLockOptions } from './start-lock.ts';
