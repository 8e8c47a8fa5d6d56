// What a deployment file starts, as the program itself would read it: the flags of `troupe up`, the configuration under the
// environment, and the server's address. Anything that the program would refuse throws here.
import { Command } from 'commander';
import { ROLES } from '#actors';
import { type Config, parseConfig } from '../../cli/config/index.ts';
import { addNodeFlags, type NodeFlags } from '../../cli/node/node-flags.ts';
import { resolveServerAddress, type ServerAddress } from '../../cli/server-address.ts';

export interface DeployedNode {
  /** How failures name it. */
  readonly where: string;
  /** As the entry point of the image gets them. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** The troupe.yaml that it finds. */
  readonly configText: string;
}

export interface NodeSettings {
  readonly roles: readonly string[];
  readonly config: Config;
  readonly server: ServerAddress;
}

/** @throws what the program would say, or when the node would not be started by `up` on a named server */
export function settingsOf({ where, args, env, configText }: DeployedNode): NodeSettings {
  const [command, ...flags] = args;
  if (command !== 'up') throw new Error(`${where}: expected the command up, got ${command}`);
  const parser = addNodeFlags(new Command().exitOverride()).configureOutput({ writeErr: () => {} });
  parser.parse([...flags], { from: 'user' });
  const { config } = parseConfig({ text: configText, place: where, env });
  const server = resolveServerAddress({ flags: {}, env, dataDir: '/nowhere', readText: () => undefined });
  return { roles: parser.opts<NodeFlags>().roles ?? config.node.roles, config, server };
}

/** Roles that none of these nodes has. */
export function missingRoles(nodes: readonly NodeSettings[]): readonly string[] {
  const there = new Set(nodes.flatMap(({ roles }) => roles));
  return ROLES.filter((role) => !there.has(role));
}

/** Bytes of `4Gi`, `512Mi`, `2g`, `768m` (Compose) and the like. */
export function bytesOf(size: string): number {
  const [, number = '', unit = ''] = /^([\d.]+)\s*([KMGTkmgt]?)i?[bB]?$/.exec(size) ?? [];
  if (number === '') throw new Error(`expected a size, got ${JSON.stringify(size)}`);
  return Number(number) * 1024 ** ' KMGT'.indexOf(unit === '' ? ' ' : unit.toUpperCase());
}

/** Seconds of `45s`. */
export function secondsOf(duration: string): number {
  const [, seconds] = /^(\d+)s$/.exec(duration) ?? [];
  if (seconds === undefined) throw new Error(`expected seconds as 45s, got ${JSON.stringify(duration)}`);
  return Number(seconds);
}

/** MiB that NODE_OPTIONS gives to V8's heap, if any. */
export function heapMebibytes(env: Readonly<Record<string, string>>): number | undefined {
  const [, mebibytes] = /--max-old-space-size=(\d+)/.exec(env.NODE_OPTIONS ?? '') ?? [];
  return mebibytes === undefined ? undefined : Number(mebibytes);
}
