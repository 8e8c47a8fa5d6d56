// Several nodes on one machine, each a process of its own: what `troupe up --nodes N` runs. Their supervisor is that of
// actors: a node that ends is started again under its name, with backoff, and gets its shards back; when that happens
// too often all of them end. They stop one after the other, the last first, so that each hands over to those before it.
import { availableParallelism } from 'node:os';
import { NatsLink, namesOf } from '#nats';
import {
  type ActorSpec,
  ActorSystem,
  type Logger,
  StartFailed,
  type SupervisorSpec,
  systemClock,
  toError,
} from '#runtime';
import { CommandError } from '../../command-error.ts';
import type { LoadedConfig } from '../../config/index.ts';
import { credentialVariables, type ServerAddress } from '../../server-address.ts';
import { connectOptions } from '../connect-options.ts';
import { DatasetRegistry } from '../dataset-registry.ts';
import { hostStem } from '../node-name.ts';
import { prepareSystem, type SystemMode } from '../prepare-system.ts';
import { type LaptopAddress, type NodeDurability, SystemServer } from '../system-server.ts';
import { groupListeners } from './group-listeners.ts';
import { NodeProcess, NodeProcessEnded } from './node-process.ts';

/** Variable by which a node learns what the server of its group is like. */
export const DURABILITY_VARIABLE = 'TROUPE_SUPERVISED_SERVER';

export interface NodeGroupOptions {
  readonly nodes: number;
  readonly config: LoadedConfig;
  readonly log: Logger;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Options of `troupe up` that each node is given as they are. */
  readonly args: readonly string[];
  /** Use this server instead of an embedded one. */
  readonly server?: ServerAddress;
  readonly mode: SystemMode;
  /** Hears each line of a node's log. */
  readonly onLine: (node: string, line: string) => void;
  /** Gives up the start. */
  readonly signal: AbortSignal;
}

/** What the node's group says of its server's durability; undefined for a node without a group. */
export function durabilityFrom(env: NodeGroupOptions['env']): NodeDurability | undefined {
  const found = env[DURABILITY_VARIABLE];
  return found === 'process' || found === 'disk' || found === 'external' ? found : undefined;
}

/** Time that a node has beyond its drain to stop its threads and connections; then its process ends. */
export const STOP_GRACE_MS = 10_000;
/** Time that is left to it after that, so that it can say what it waited for. */
const KILL_GRACE_MS = 5_000;
const WINDOW_MS = 60_000;
/** Restarts within the window beside one of each node: a server that is away for long ends all of them at once. */
const SPARE_RESTARTS = 3;

/** Nodes of one machine and, unless it was named, their server. */
export class NodeGroup {
  readonly address: LaptopAddress;
  readonly nodes: readonly string[];
  readonly datasets: readonly string[];
  /** Where each node answers for metrics and health, by HTTP; empty without a port. */
  readonly httpUrls: readonly string[];
  readonly #server: SystemServer;
  readonly #system: ActorSystem;

  private constructor(parts: {
    readonly nodes: readonly string[];
    readonly datasets: readonly string[];
    readonly httpUrls: readonly string[];
    readonly version: string;
    readonly server: SystemServer;
    readonly system: ActorSystem;
  }) {
    this.nodes = parts.nodes;
    this.datasets = parts.datasets;
    this.httpUrls = parts.httpUrls;
    this.address = { ...parts.server.address, version: parts.version };
    this.#server = parts.server;
    this.#system = parts.system;
  }

  /**
   * Prepares the system and resolves when every node is up.
   * @throws CommandError `nodes_failed` when one does not start; UsageError for ports that cannot be; as `prepareSystem`
   */
  static async start(options: NodeGroupOptions): Promise<NodeGroup> {
    const listeners = groupListeners(options.nodes, options.config.config.node.http);
    const server = await SystemServer.open(options);
    try {
      const nodes = groupNames(options);
      const { datasets, version } = await prepare(options, server, nodes);
      const system = await ActorSystem.start({
        name: 'nodes',
        root: processTree(options, server, nodes, listeners),
        log: options.log,
        signal: options.signal,
      }).catch((error: unknown) => {
        throw error instanceof StartFailed ? nodesFailed(error) : error;
      });
      const httpUrls = listeners.map((listener) => `http://${listener}`);
      return new NodeGroup({ nodes, datasets, httpUrls, version, server, system });
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /** Resolves with an error when the nodes ended again and again, without one after `stop`. */
  get ended(): Promise<CommandError | undefined> {
    return this.#system.ended.then(({ error }) => (error === undefined ? undefined : nodesFailed(error)));
  }

  /** Drains the nodes, the last one first, then ends the server. */
  async stop(): Promise<void> {
    await this.#system.stop();
    await this.#server.stop();
  }
}

/** `node-1` …; on a named server, which several machines may use, with the host's name instead. */
function groupNames({ nodes, config, server }: NodeGroupOptions): readonly string[] {
  const stem = config.config.node.name ?? (server === undefined ? 'node' : hostStem());
  return Array.from({ length: nodes }, (_, at) => `${stem}-${at + 1}`);
}

async function prepare(options: NodeGroupOptions, server: SystemServer, own: readonly string[]) {
  const { config, log, mode } = options;
  const link = await NatsLink.connect({
    ...connectOptions(server.connection),
    name: 'troupe nodes',
    log,
  });
  try {
    const names = namesOf(config.config.system);
    await prepareSystem({ config, link, names, mode, own });
    const datasets = [...(await DatasetRegistry.of(link, names).list()).keys()];
    return { datasets, version: link.features.version };
  } finally {
    await link.drain();
  }
}

function processTree(
  options: NodeGroupOptions,
  server: SystemServer,
  names: readonly string[],
  listeners: readonly string[],
): SupervisorSpec {
  const maxRestarts = names.length + SPARE_RESTARTS;
  return {
    type: 'supervisor',
    id: 'root',
    strategy: 'one_for_one',
    intensity: { maxRestarts, withinMs: WINDOW_MS },
    children: names.map((name, at) => nodeActor(options, server, { name, listener: listeners[at] })),
  };
}

/** An actor that is a process: it crashes when that ends. */
function nodeActor(
  options: NodeGroupOptions,
  server: SystemServer,
  { name, listener }: { readonly name: string; readonly listener: string | undefined },
): ActorSpec<unknown> {
  const { cwd, args, config, onLine, nodes } = options;
  const stopMs = config.config.node.drainMs + STOP_GRACE_MS + KILL_GRACE_MS;
  return {
    type: 'actor',
    id: name,
    shutdownMs: stopMs + STOP_GRACE_MS,
    start: async (context) => {
      const process = await NodeProcess.start(
        {
          name,
          args: [
            ...['--join', server.connection.servers.join(','), '--name', name, ...args],
            ...(listener === undefined ? [] : ['--http', listener]),
          ],
          cwd,
          env: {
            ...options.env,
            ...credentialVariables(server.connection),
            ...decodeShare(config, nodes),
            [DURABILITY_VARIABLE]: server.durability,
          },
          stopMs,
          clock: systemClock,
          onLine: (line) => onLine(name, line),
        },
        context.signal,
      );
      void process.ended.then((error) => {
        if (!context.signal.aborted) context.crash(error);
      });
      return { receive: () => {}, stopped: () => process.stop() };
    },
  };
}

/** Nodes of one machine share its cores. */
function decodeShare({ config }: LoadedConfig, nodes: number): Readonly<Record<string, string>> {
  if (config.node.decodeThreads !== 'auto') return {};
  const threads = Math.max(1, Math.floor((availableParallelism() - 1) / nodes));
  return { TROUPE_NODE__DECODE_THREADS: String(threads) };
}

/** What ended them, with the end of that node's log. */
function nodesFailed(error: Error): CommandError {
  const chain: Error[] = [];
  for (let at: unknown = error; at instanceof Error && !chain.includes(at); at = at.cause) chain.push(at);
  const node = chain.find((cause) => cause instanceof NodeProcessEnded);
  const lines = [
    ...chain.map(({ message }) => message),
    ...(node === undefined ? [] : ['the end of its log:', ...node.lastLines.map((line) => `  ${line}`)]),
  ];
  return new CommandError('nodes_failed', lines.join('\n'), { cause: toError(error) });
}
