// What a test asks of a running system, whoever runs it: publish pictures, wait until they are settled, cut, and read
// manifests, outcomes and the audit. All waiting lives here: tests never sleep.
import { stat } from 'node:fs/promises';
import type { CutAnswer, ManifestRow, SettledAnswer } from '#actors';
import { eachMessage, NatsLink, namesOf } from '#nats';
import { silentLogger } from '#runtime';
import { type AuditReport, audit } from '../../cli/node/audit.ts';
import { ClientSystem } from '../../cli/node/client-system.ts';
import { IntakePublisher } from '../../cli/publish/intake-publisher.ts';
import { publishAll } from '../../cli/publish/publish-all.ts';
import { waitUntil } from './wait-until.ts';

/** Longest wait for all that was published to be settled. */
export const SETTLE_MS = 120_000;
const ASK_MS = 2_000;
/** Characters of a node's log that a failed wait shows. */
export const LOG_SHOWN = 3_000;

/** Something to publish: a file, the id it gets and the source it claims. */
export interface PublishedFile {
  readonly id: string;
  readonly path: string;
  readonly source?: string;
}

/** Body of a message on `troupe.outcome.<dataset>.…`. */
export interface SeenOutcome {
  readonly sequence: number;
  readonly id: string | null;
  readonly item: string | null;
  readonly outcome: string;
  readonly reasons: readonly string[];
  readonly survivor?: { readonly id: string; readonly relation: string };
}

/** Where a system's NATS servers are. */
export interface SystemAddress {
  /** One or more URLs, separated by commas. */
  readonly url: string;
  readonly token: string;
}

/** A system named `troupe` as its users see it. */
export abstract class SystemClient {
  /** Dataset that the verbs are about. */
  readonly dataset: string;
  #client: ClientSystem | undefined;

  constructor(dataset: string) {
    this.dataset = dataset;
  }

  /** Where any NATS client finds the system. */
  abstract address(): Promise<SystemAddress>;

  /** The end of what the system's nodes have logged, for a wait that failed. */
  protected abstract logTail(): string;

  /** A client of the running system, connected once and for all; it outlives restarts of node and server. */
  async connect(): Promise<ClientSystem> {
    if (this.#client !== undefined) return this.#client;
    const server = await this.address();
    const link = await NatsLink.connect({
      servers: server.url,
      token: server.token,
      name: 'test',
      log: silentLogger,
      reconnectWaitMs: 50,
    });
    this.#client = new ClientSystem({ link, names: namesOf('troupe'), timeoutMs: ASK_MS });
    return this.#client;
  }

  /** Publishes files to intake; resolves to the highest sequence. */
  async publish(files: readonly PublishedFile[]): Promise<number> {
    const { link, names } = await this.connect();
    const publishers = new Map<string | undefined, IntakePublisher>();
    for (const source of new Set(files.map((file) => file.source))) {
      const claimed = source === undefined ? {} : { source };
      publishers.set(source, new IntakePublisher({ link, names, dataset: this.dataset, ...claimed }));
    }
    const byPath = new Map(files.map((file) => [file.path, publishers.get(file.source)]));
    const progress = await publishAll(
      {
        publish: (item, signal) => {
          const publisher = item.type === 'file' ? byPath.get(item.path) : undefined;
          if (publisher === undefined) throw new Error('an item without a publisher');
          return publisher.publish(item, signal);
        },
      },
      sources(files),
      { signal: AbortSignal.timeout(SETTLE_MS) },
    );
    if (progress.published < files.length) {
      throw new Error(`only ${progress.published} of ${files.length} published within ${SETTLE_MS} ms`);
    }
    return progress.lastSequence;
  }

  /** How many of the sequences up to `through` have a verdict; `undefined` while no node answers. */
  async settled(through: number): Promise<number | undefined> {
    const answer = await this.#askSettled(through);
    return answer === undefined ? undefined : through - answer.missing.count;
  }

  /**
   * Waits until at least `atLeast` (default: all) of the sequences up to `through` have a verdict.
   * @returns how many have by then
   */
  async waitSettled(
    through: number,
    {
      atLeast = through,
      deadlineMs = SETTLE_MS,
    }: { readonly atLeast?: number; readonly deadlineMs?: number } = {},
  ): Promise<number> {
    let settled: number | undefined;
    await this.waitFor(
      async () => {
        settled = (await this.settled(through)) ?? settled;
        return settled !== undefined && settled >= atLeast;
      },
      { deadlineMs, what: () => `${atLeast} of ${through} are settled (${settled ?? 'no answer'} are)` },
    );
    return settled ?? 0;
  }

  /** Resolves when generation `wanted` of the index is in force and holds everything. */
  async waitCompared(wanted: number): Promise<void> {
    let found: SettledAnswer['comparing'] | undefined;
    await this.waitFor(
      async () => {
        found = (await this.#askSettled(0))?.comparing ?? found;
        return found?.generation === wanted && found.next === null && found.pending === 0;
      },
      { deadlineMs: SETTLE_MS, what: () => `generation ${wanted} is in force (${JSON.stringify(found)})` },
    );
  }

  /** Verdict counts of everything settled. */
  async verdicts(): Promise<SettledAnswer['counts']> {
    const system = await this.connect();
    return (await system.keeper(this.dataset).settled(0)).counts;
  }

  /** Cuts a manifest. */
  async cut(): Promise<CutAnswer> {
    const system = await this.connect();
    return await system.keeper(this.dataset).cut();
  }

  /** Cuts a manifest and gives its digest. */
  async manifestDigest(): Promise<string> {
    return (await this.cut()).manifest.digest;
  }

  /** Rows of the manifest that HEAD points at. */
  async manifestRows(): Promise<readonly ManifestRow[]> {
    const store = (await this.connect()).manifests(this.dataset);
    const record = await store.record((await store.head()) ?? 0);
    if (record === undefined) throw new Error('HEAD points at no manifest');
    const rows: ManifestRow[] = [];
    for await (const row of store.rows(await store.envelope(record))) rows.push(row);
    return rows;
  }

  /** Every outcome that the outcome stream holds, oldest first. */
  async outcomes(): Promise<readonly SeenOutcome[]> {
    const { link, names } = await this.connect();
    const seen: SeenOutcome[] = [];
    for await (const { data } of eachMessage(link, names.streams.outcome(this.dataset))) {
      seen.push(JSON.parse(Buffer.from(data).toString()) as SeenOutcome);
    }
    return seen;
  }

  async audit(): Promise<AuditReport> {
    return audit(await this.connect(), this.dataset);
  }

  /** Polls until the predicate holds; else fails with what was waited for and the end of the nodes' log. */
  waitFor(
    predicate: () => boolean | Promise<boolean>,
    { deadlineMs, what }: { readonly deadlineMs: number; readonly what: string | (() => string) },
  ): Promise<void> {
    return waitUntil(predicate, {
      deadlineMs,
      what: () => `${typeof what === 'string' ? what : what()}; the log ends:\n${this.logTail()}`,
    });
  }

  /** Closes the test's own connection; the next question opens another. */
  async disconnect(): Promise<void> {
    await this.#client?.link.close();
    this.#client = undefined;
  }

  async #askSettled(through: number): Promise<SettledAnswer | undefined> {
    try {
      return await (await this.connect()).keeper(this.dataset).settled(through);
    } catch {
      // The node, its keeper or the server is away; whoever waits has a deadline.
      return undefined;
    }
  }
}

async function* sources(files: readonly PublishedFile[]) {
  for (const { id, path } of files) yield { type: 'file' as const, id, path, bytes: (await stat(path)).size };
}
