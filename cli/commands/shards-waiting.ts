// What the commands that move shards share: which node can take any, and how long they wait.
import type { Command } from 'commander';
import type { ClusterView } from '#runtime';
import type { CommandContext } from '../command-environment.ts';
import { CommandError } from '../command-error.ts';
import type { MemberStatus } from '../node/cluster-status.ts';

/** How long hand-offs are waited for, unless --timeout says otherwise. */
const WAIT_MS = 60_000;

export function waitMsOf(command: Command, { options }: CommandContext): number {
  return command.getOptionValueSourceWithGlobals('timeout') === 'default' ? WAIT_MS : options.timeout;
}

/** @throws CommandError `unknown_node`, `node_unavailable` unless the node is there and takes shards */
export function requireTaker(members: readonly MemberStatus[], node: string, system: string): void {
  const member = members.find(({ name }) => name === node);
  if (member === undefined) throw unknownNode(members, node, system);
  const { state, drained } = member;
  if (state === 'gone' || state === 'left' || state === 'draining') {
    const is = state === 'left' ? 'has left' : `is ${state}`;
    throw new CommandError(
      'node_unavailable',
      `node ${node} ${is}: expected one that renews its lease and stays`,
    );
  }
  if (drained) {
    throw new CommandError(
      'node_unavailable',
      `node ${node} is drained and takes no shards: expected one that is not, or first troupe shards drain ${node} --undo`,
    );
  }
}

export function unknownNode(members: readonly MemberStatus[], node: string, system: string): CommandError {
  const names = members.filter(({ state }) => state !== 'left').map(({ name }) => name);
  const expected = names.length === 0 ? 'there is none' : `expected one of ${names.join(', ')}`;
  return new CommandError('unknown_node', `unknown node ${node} in the system ${system}: ${expected}`);
}

/** @throws CommandError `node_unavailable` once the node is gone or leaves, as the view watched it */
export function takesNothing(view: ClusterView, node: string): void {
  const standing = view.standings().find(({ id }) => id === node);
  if (standing === undefined) return;
  const { reach, recorded } = standing;
  if (reach !== 'gone' && recorded !== 'draining') return;
  throw new CommandError(
    'node_unavailable',
    `node ${node} ${reach === 'gone' ? 'is gone' : 'is draining'} meanwhile: the shards go elsewhere, and to it once it is back`,
  );
}
