// Whether a node's memory grows with what has passed through it: a node of its own process takes 20,000 distinct
// pictures, and its process tree (without nats-server) is weighed at 2,000 and at the end. What the index and the ledger
// account for themselves is taken off at both, as they hold every item for ever by design; that account is held to at
// most 3 KB an item.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { NatsLink, namesOf } from '#nats';
import { silentLogger, systemClock } from '#runtime';
import { audit } from '../cli/node/audit.ts';
import { ClientSystem } from '../cli/node/client-system.ts';
import { readStatus } from '../cli/node/system-status.ts';
import { findRunningServer } from '../nats/server/index.ts';
import type { Metrics } from './contract.ts';

const DATASET = 'photos';
const ENTRY = fileURLToPath(new URL('../bin/troupe.js', import.meta.url));
const MAX_ACCOUNTED_BYTES_PER_ITEM = 3_000;
const POLL_MS = 50;
const START_MS = 60_000;
/** Items on their way at once, so that the intake never fills. */
const AHEAD = 500;
/** The weight is the median of so many readings, as the collector makes it swing. */
const READINGS = 21;
const READING_MS = 200;
/** Of what the node wrote, so much is shown when it fails. */
const SAID_CHARACTERS = 4_000;

interface Weight {
  readonly items: number;
  readonly rssBytes: number;
  readonly accountedBytes: number;
}

/** Metrics of a run over `counts.last` items, weighed first at `counts.first`. */
export async function memoryGrowth(
  counts: { readonly first: number; readonly last: number },
  note: (line: string) => void,
): Promise<Metrics> {
  const folder = await mkdtemp(join(tmpdir(), 'troupe-memory-'));
  await writeFile(join(folder, 'troupe.yaml'), 'version: 1\n');
  const node = spawn(process.execPath, [ENTRY, 'up'], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise<void>((resolve) => node.once('exit', () => resolve()));
  let said = '';
  node.stderr.on('data', (chunk: Buffer) => {
    said = (said + String(chunk)).slice(-SAID_CHARACTERS);
  });
  try {
    const client = await connect(folder);
    try {
      const pid = node.pid ?? 0;
      await feed(client, 0, counts.first);
      const first = await weigh(client, pid, counts.first, note);
      await feed(client, counts.first, counts.last);
      const last = await weigh(client, pid, counts.last, note);
      await verify(client, counts.last);
      return metrics(first, last);
    } finally {
      await client.link.close();
    }
  } catch (cause) {
    throw new Error(`the node could not be weighed (its exit code: ${node.exitCode}); it said:\n${said}`, {
      cause,
    });
  } finally {
    node.kill('SIGTERM');
    await ended;
    await rm(folder, { recursive: true, force: true });
  }
}

function metrics(first: Weight, last: Weight): Metrics {
  const perItem = last.accountedBytes / last.items;
  if (perItem > MAX_ACCOUNTED_BYTES_PER_ITEM) {
    throw new Error(
      `index and ledger account for ${perItem.toFixed(0)} bytes an item; at most ${MAX_ACCOUNTED_BYTES_PER_ITEM} are allowed`,
    );
  }
  const own = ({ rssBytes, accountedBytes }: Weight) => rssBytes - accountedBytes;
  return {
    'pipeline.rss_growth': {
      value: Number((own(last) / own(first)).toPrecision(4)),
      unit: '',
      reference: `the same node at item ${first.items}, what index and ledger account for taken off at both`,
    },
    'pipeline.accounted_bytes': { value: Math.round(perItem), unit: 'bytes an item, index and ledger' },
  };
}

async function connect(folder: string): Promise<ClientSystem> {
  const untilMs = systemClock.monotonicMs() + START_MS;
  for (;;) {
    const server = await findRunningServer(join(folder, '.troupe'));
    if (server !== undefined) {
      const { url: servers, token } = server;
      const link = await NatsLink.connect({ servers, token, name: 'bench', log: silentLogger });
      const client = new ClientSystem({ link, names: namesOf('troupe'), timeoutMs: 60_000 });
      if (await answers(client)) return client;
      await link.close();
    }
    if (systemClock.monotonicMs() > untilMs) throw new Error(`no node answered within ${START_MS} ms`);
    await pause(POLL_MS);
  }
}

function answers(client: ClientSystem): Promise<boolean> {
  return client
    .keeper(DATASET)
    .settled(0)
    .then(
      () => true,
      () => false,
    );
}

/** Publishes the pictures from number `from` to before `to`; resolves when all of them are settled. */
async function feed(client: ClientSystem, from: number, to: number): Promise<void> {
  const subject = client.names.subjects.intake(DATASET);
  for (let at = from; at < to; at += 50) {
    const numbers = Array.from({ length: Math.min(50, to - at) }, (_, index) => at + index);
    await Promise.all(
      numbers.map(async (number) => {
        const data = await picture(number);
        const headers = { 'Content-Type': 'image/jpeg', 'Troupe-Id': `picture-${number}.jpg` };
        await client.link.publisher.publish({ subject, data, id: `picture-${number}`, headers });
      }),
    );
    await settled(client, at - AHEAD);
  }
  await settled(client, to);
}

async function settled(client: ClientSystem, through: number): Promise<void> {
  while (through > 0 && (await client.keeper(DATASET).settled(through)).missing.count > 0) {
    await pause(POLL_MS);
  }
}

/** A picture of its own for each number: patches of colour, enlarged smoothly. */
function picture(number: number): Promise<Buffer> {
  const samples = [0, 1, 2].map((part) => createHash('sha512').update(`${number} ${part}`).digest());
  return sharp(Buffer.concat(samples).subarray(0, 8 * 6 * 3), { raw: { width: 8, height: 6, channels: 3 } })
    .resize(240, 180, { kernel: 'cubic', fit: 'fill' })
    .jpeg({ quality: 90 })
    .toBuffer();
}

async function weigh(
  client: ClientSystem,
  pid: number,
  items: number,
  note: (line: string) => void,
): Promise<Weight> {
  const readings: number[] = [];
  while (readings.length < READINGS) {
    readings.push(await treeBytes(pid));
    await pause(READING_MS);
  }
  const rssBytes = readings.sort((a, b) => a - b)[READINGS >> 1] ?? Number.NaN;
  const { nodes } = await readStatus(client);
  const held = Object.entries(nodes[0]?.accountedBytes ?? {});
  const accountedBytes = held.reduce((sum, [, bytes]) => sum + bytes, 0);
  if (accountedBytes === 0) throw new Error('the node accounts for nothing');
  const ledger = held.reduce((sum, [actor, bytes]) => sum + (actor.endsWith('/keeper') ? bytes : 0), 0);
  note(
    `at item ${items}: ${mb(rssBytes)} MB resident (${mb(readings[0] ?? 0)} to ${mb(readings.at(-1) ?? 0)}); ` +
      `accounted ${mb(accountedBytes)} MB: ledger ${mb(ledger)}, index ${mb(accountedBytes - ledger)} ` +
      `(${(accountedBytes / items).toFixed(0)} bytes an item)`,
  );
  return { items, rssBytes, accountedBytes };
}

/** Resident bytes of a process and all below it, without nats-server. */
async function treeBytes(root: number): Promise<number> {
  const parents = new Map<number, { readonly parent: number; readonly bytes: number }>();
  for (const entry of await readdir('/proc')) {
    const status = /^\d+$/.test(entry) ? await readFile(`/proc/${entry}/status`, 'utf8').catch(() => '') : '';
    const field = (name: string) => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(status)?.[1];
    if (status === '' || field('Name') === 'nats-server') continue;
    parents.set(Number(entry), { parent: Number(field('PPid')), bytes: Number(field('VmRSS') ?? 0) * 1024 });
  }
  const below = (pid: number): number =>
    [...parents].reduce(
      (sum, [child, { parent }]) => sum + (parent === pid ? below(child) : 0),
      parents.get(pid)?.bytes ?? 0,
    );
  return below(root);
}

/** Every item was decided, by its own content: the work that is weighed was done. */
async function verify(client: ClientSystem, count: number): Promise<void> {
  const report = await audit(client, DATASET);
  const { eligible, rejected, review } = report.verdicts;
  if (!report.balanced || eligible + rejected + review !== count) {
    throw new Error(`the node settled ${JSON.stringify(report.verdicts)} of ${count} items`);
  }
  const { manifest } = await client.keeper(DATASET).cut();
  if (manifest.rows !== count) throw new Error(`the manifest has ${manifest.rows} rows of ${count} items`);
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    systemClock.schedule(ms, resolve);
  });
}
