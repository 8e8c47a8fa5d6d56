// Contents that end their thread: a marker after the bytes of a picture says how.

import type { DeadReason } from '../../../actors/pipeline/item-failure.ts';

/** By exiting it, by a loop, by no answer, by memory, by a throw outside of the request. */
export type PoisonName = 'exit' | 'hang' | 'never' | 'grow' | 'stray';

/** What each dies of, in the order of the documentation. */
export const POISON_REASONS = {
  exit: 'worker_crashed',
  stray: 'worker_crashed',
  hang: 'worker_timeout',
  never: 'worker_timeout',
  grow: 'worker_out_of_memory',
} as const satisfies Readonly<Record<PoisonName, DeadReason>>;

const POISON_NAMES = Object.keys(POISON_REASONS) as readonly PoisonName[];
const marker = (name: PoisonName) => `troupe-poison-${name}`;

/** The picture, with what makes it poison; `salt` makes it another content. */
export function poisoned(picture: Uint8Array, name: PoisonName, salt = ''): Uint8Array {
  return Buffer.concat([picture, Buffer.from(`${salt}${marker(name)}`)]);
}

export function poisonOf(bytes: Uint8Array): PoisonName | undefined {
  const end = Buffer.from(bytes.subarray(-32)).toString('latin1');
  return POISON_NAMES.find((name) => end.endsWith(marker(name)));
}
