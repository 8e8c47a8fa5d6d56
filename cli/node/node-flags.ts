// The options of `troupe up` that say the same as fields of troupe.yaml, most of them of `node`, and win over them.
import { type Command, Option } from 'commander';
import { ROLES, type Role } from '#actors';
import { type LoadedConfig, nodeSchema } from '../config/index.ts';
import { type Listener, listOf, parseDurationMs, parseField, parseListener } from '../option-values.ts';

/** As they were given. */
export interface NodeFlags {
  readonly name?: string;
  readonly weight?: number;
  readonly roles?: readonly Role[];
  /** In ms. */
  readonly drainTimeout?: number;
  readonly http?: Listener;
  /** False where it was given. */
  readonly provision?: boolean;
}

/** Adds the options to a command. */
export function addNodeFlags(command: Command): Command {
  const { name, weight, roles } = nodeSchema.shape;
  return command
    .addOption(
      new Option('--name <name>', 'name of this node; with --nodes, what the names begin with').argParser(
        parseField(name.unwrap(), 'a name of 1 to 63 letters, digits, - and _', (text) => text),
      ),
    )
    .addOption(
      new Option('--weight <number>', "this node's part of the shards, relative to others").argParser(
        parseField(weight.unwrap(), 'a number from 0.01 to 1000', (text) =>
          text.trim() === '' ? text : Number(text),
        ),
      ),
    )
    .addOption(
      new Option('--roles <list>', `what it runs, of ${ROLES.join(', ')} (default: all)`).argParser(
        parseField(roles.unwrap(), `some of ${ROLES.join(', ')}`, listOf),
      ),
    )
    .addOption(
      new Option('--drain-timeout <duration>', 'longest time to hand over when it is told to stop').argParser(
        parseDurationMs,
      ),
    )
    .addOption(
      new Option(
        '--http <host:port>',
        'where /metrics and /health answer; a port alone is on 127.0.0.1, with --nodes it is that of the first',
      ).argParser(parseListener),
    )
    .option('--no-provision', 'others manage the streams: look at them only, make and change none');
}

/** The configuration with the options over it. */
export function withNodeFlags(loaded: LoadedConfig, flags: NodeFlags): LoadedConfig {
  const { name, weight, roles, drainTimeout, http, provision = true } = flags;
  const node = {
    ...loaded.config.node,
    ...(name !== undefined && { name }),
    ...(weight !== undefined && { weight }),
    ...(roles !== undefined && { roles: [...roles] }),
    ...(drainTimeout !== undefined && { drainMs: drainTimeout }),
    ...(http !== undefined && { http }),
  };
  const storage = provision ? loaded.config.storage : { ...loaded.config.storage, provision };
  return { ...loaded, config: { ...loaded.config, node, storage } };
}

/** The options as each node of a group is given them; names and ports are the group's matter. */
export function groupArguments({
  weight,
  roles,
  drainTimeout,
  provision = true,
}: NodeFlags): readonly string[] {
  return [
    ...(weight === undefined ? [] : ['--weight', String(weight)]),
    ...(roles === undefined ? [] : ['--roles', roles.join(',')]),
    ...(drainTimeout === undefined ? [] : ['--drain-timeout', `${drainTimeout}ms`]),
    ...(provision ? [] : ['--no-provision']),
  ];
}
