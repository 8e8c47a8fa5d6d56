// Contents that end their thread: a marker after the bytes of a picture says how.

/** By exiting it, by a loop, by no answer, by memory, by a throw outside of the request. */
export type PoisonName = 'exit' | 'hang' | 'never' | 'grow' | 'stray';

const NAMES: readonly PoisonName[] = ['exit', 'hang', 'never', 'grow', 'stray'];
const marker = (name: PoisonName) => `troupe-poison-${name}`;

/** The picture, with what makes it poison; `salt` makes it another content. */
export function poisoned(picture: Uint8Array, name: PoisonName, salt = ''): Uint8Array {
  return Buffer.concat([picture, Buffer.from(`${salt}${marker(name)}`)]);
}

export function poisonOf(bytes: Uint8Array): PoisonName | undefined {
  const end = Buffer.from(bytes.subarray(-32)).toString('latin1');
  return NAMES.find((name) => end.endsWith(marker(name)));
}
