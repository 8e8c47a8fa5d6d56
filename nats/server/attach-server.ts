// How one process comes to hold a data folder's nats-server. Every decision is taken under the folder's start
// lock, from what the record says and from what the processes and the port themselves show.
import { randomBytes } from 'node:crypto';
import type { Clock } from '#runtime';
import type { DataFolder } from './data-folder.ts';
import type { EmbeddedServerOptions } from './embedded-server-options.ts';
import { endProcess, findServerProcess, launchNatsServer, readPidFile } from './nats-process.ts';
import { isAlive, type ProcessId } from './process-table.ts';
import { resolveNatsServer } from './resolve-server.ts';
import { possibleDurability } from './server-config.ts';
import { NatsServerStartFailed } from './server-errors.ts';
import { probeServer } from './server-probe.ts';
import { readServerRecord, type ServerOwner, type ServerRecord, writeServerRecord } from './server-record.ts';
import { sleep } from './sleep.ts';
import { StartLock } from './start-lock.ts';
import { requireStoreKey, storeKeyId } from './store-key.ts';

const OWNER_RESTART_POLL_MS = 50;
// Long: a server that is busy must not be taken for a dead one, and ended.
const PROBE_TIMEOUT_MS = 10_000;

/** A running server with what is needed to watch and end it. */
export interface HeldServer {
  readonly record: ServerRecord;
  readonly id: ProcessId;
  readonly owned: boolean;
  readonly adopted: boolean;
  /** Only for a child of this process: aborts, with the reason, when it has ended. */
  readonly ending?: AbortSignal;
}

/** Who asks for the folder's server, and how. */
export interface Attachment {
  readonly options: EmbeddedServerOptions;
  readonly folder: DataFolder;
  readonly owner: ServerOwner;
  readonly clock: Clock;
  /** What this handle held before. */
  readonly former?: HeldServer;
  readonly signal?: AbortSignal;
}

/** Comes to hold the folder's server: adopts it, waits for its owner to restart it, or starts it. */
export async function attachServer(attachment: Attachment): Promise<HeldServer> {
  const { options, folder, clock } = attachment;
  const waitMs = options.startTimeoutMs ?? 60_000;
  const deadline = clock.monotonicMs() + waitMs;
  for (;;) {
    const held = await withStartLock(folder, options, clock, async () => {
      attachment.signal?.throwIfAborted();
      return await decide(attachment);
    });
    if (held !== undefined) return held;
    if (clock.monotonicMs() >= deadline) {
      throw new NatsServerStartFailed(`the server's owner did not bring it back within ${waitMs} ms`, '');
    }
    await sleep(clock, OWNER_RESTART_POLL_MS, attachment.signal);
  }
}

/** Under the lock. `undefined`: another live process owns a server that is down, and restarts it. */
async function decide(attachment: Attachment): Promise<HeldServer | undefined> {
  const { options, folder, owner, clock } = attachment;
  const record = await readServerRecord(folder);
  const keyId = storeKeyId(options.storeKey);
  requireStoreKey(record, keyId, folder.root);
  const foreignOwner =
    record !== undefined && record.owner.instance !== owner.instance && (await isAlive(record.owner));
  const running = record === undefined ? undefined : await verified(folder, record);
  if (record !== undefined && running !== undefined) {
    if (foreignOwner) return { record, id: running, owned: false, adopted: true };
    const isDurable =
      record.durability === possibleDurability(options.durability ?? 'process', record.version);
    if (isDurable && record.storeKeyId === keyId) {
      const owned = { ...record, owner };
      await writeServerRecord(folder, owned);
      return { record: owned, id: running, owned: true, adopted: true };
    }
    options.log.info(
      { from: record.durability, to: options.durability, encrypted: keyId !== undefined },
      'nats-server restarts: durability or encryption changed',
    );
  } else if (foreignOwner && record.state === 'running') return undefined;
  await endLeftovers(folder, record, { timeoutMs: options.stopTimeoutMs ?? 30_000, clock });
  return await start(attachment, record);
}

/** Two servers on one store would destroy it: whatever still serves this folder must be gone before a start. */
async function endLeftovers(
  folder: DataFolder,
  record: ServerRecord | undefined,
  options: { readonly timeoutMs: number; readonly clock: Clock },
): Promise<void> {
  for (const pid of [record?.pid ?? 0, await readPidFile(folder)]) {
    const leftover = await findServerProcess(folder, pid);
    if (leftover !== undefined) await endProcess(leftover, options);
  }
}

/** The process that the record names, if it is alive, is this folder's server and takes the record's token. */
async function verified(folder: DataFolder, record: ServerRecord): Promise<ProcessId | undefined> {
  if (record.state !== 'running') return undefined;
  const id = await findServerProcess(folder, record.pid);
  if (id === undefined) return undefined;
  const probe = await probeServer({ url: record.url, token: record.token, timeoutMs: PROBE_TIMEOUT_MS });
  return probe.answer === 'accepted' ? id : undefined;
}

async function start(attachment: Attachment, before: ServerRecord | undefined): Promise<HeldServer> {
  const { options, folder, owner, clock, former } = attachment;
  // A restart runs the same program: what wrote the store reads it again.
  const program =
    former?.record ?? (await (options.resolve ?? (() => resolveNatsServer({ log: options.log })))());
  const { binary, version, origin } = program;
  const asked = options.durability ?? 'process';
  const durability = possibleDurability(asked, version);
  if (durability !== asked && former === undefined) {
    options.log.warn({ version, asked, durability }, 'nats-server is too old for the durability asked for');
  }
  const keyId = storeKeyId(options.storeKey);
  const token = before?.token ?? randomBytes(24).toString('base64url');
  const port = before === undefined ? undefined : portOf(before.url);
  const draft = {
    token,
    version,
    binary,
    origin,
    durability,
    ...(keyId !== undefined && { storeKeyId: keyId }),
    owner,
    startedAt: new Date(clock.wallMs()).toISOString(),
  };
  const addresses = { url: before?.url ?? '', monitorUrl: before?.monitorUrl ?? '' };
  await writeServerRecord(folder, { ...draft, ...addresses, state: 'starting', pid: 0 });
  const launched = await launchNatsServer({
    folder,
    ...draft,
    clock,
    detached: true,
    startTimeoutMs: options.startTimeoutMs ?? 60_000,
    ...(port === undefined ? {} : { preferredPort: port }),
    ...(options.storeKey === undefined ? {} : { storeKey: options.storeKey }),
    ...(options.maxStoreBytes === undefined ? {} : { maxStoreBytes: options.maxStoreBytes }),
  });
  const { id, url, monitorUrl, ending } = launched;
  const record: ServerRecord = { ...draft, url, monitorUrl, state: 'running', pid: id.pid };
  await writeServerRecord(folder, record);
  return { record, id, owned: true, adopted: false, ending };
}

function portOf(url: string): number | undefined {
  const port = URL.canParse(url) ? Number(new URL(url).port) : 0;
  return port > 0 ? port : undefined;
}

/** Runs `action` while no other process looks for, starts or stops this folder's server. */
export async function withStartLock<T>(
  folder: DataFolder,
  options: EmbeddedServerOptions,
  clock: Clock,
  action: () => Promise<T>,
): Promise<T> {
  // The holder may be starting a server with a large store, or ending one.
  const waitMs = (options.startTimeoutMs ?? 60_000) + (options.stopTimeoutMs ?? 30_000);
  const lock = await StartLock.acquire(folder.files, { clock, waitMs });
  try {
    return await action();
  } finally {
    await lock.release();
  }
}
