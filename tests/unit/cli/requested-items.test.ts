import { describe, expect, it } from 'vitest';
import { requestedItems } from '../../../cli/node/requested-items.ts';

async function* stdin(...parts: readonly string[]) {
  for (const part of parts) yield Buffer.from(part);
}

describe('the items that a command names', () => {
  it('are those of its command line and, for -, the lines of standard input, each once and in order', async () => {
    const items = await requestedItems(['b', '-', 'a'], stdin('x y\nb\n', '\nlong', ' name\r\nlast'));
    expect(items).toEqual(['b', 'x y', 'long name', 'last', 'a']);
  });

  it('are read from nowhere when none says so', async () => {
    expect(await requestedItems(['a', 'a'], stdin('b'))).toEqual(['a']);
  });
});
