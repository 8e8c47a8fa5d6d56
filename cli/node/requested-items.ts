// The items that a command names, on its command line or, for `-`, on standard input, one a line.
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';

const STDIN = '-';

/** Each once, in their order; empty lines are passed over. */
export async function requestedItems(
  named: readonly string[],
  stdin: AsyncIterable<Uint8Array>,
): Promise<readonly string[]> {
  const items = new Set<string>();
  for (const name of named) {
    if (name !== STDIN) items.add(name);
    else
      for await (const line of createInterface({ input: Readable.from(stdin) }))
        if (line !== '') items.add(line);
  }
  return [...items];
}
