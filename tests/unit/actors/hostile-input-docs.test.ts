// docs/hostile-input.md shows the table that is run: every row, in its order, and no other.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DEAD_REASONS } from '../../../actors/pipeline/item-failure.ts';
import { POISON_REASONS } from '../../integration/threads/poison.ts';
import { HOSTILE_INPUTS, hostileInputRows } from '../../support/hostile-inputs.ts';

const text = readFileSync(new URL('../../../docs/hostile-input.md', import.meta.url), 'utf8');
const rowsUnder = (heading: string) =>
  (text.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '')
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (input|what the content does) \|/.test(line));

describe('docs/hostile-input.md', () => {
  it('lists every input of the table with what becomes of it, and no other', () => {
    expect(rowsUnder('The table')).toEqual(hostileInputRows());
  });

  it('lists what ends a thread, with the reason that the item dies of', () => {
    const documented = rowsUnder('Poison items').map((line) => /`(\w+)` \|$/.exec(line)?.[1]);
    expect(documented).toEqual(Object.values(POISON_REASONS));
  });

  it('says how many inputs there are, and names reasons that exist', () => {
    expect(text).toContain(`${HOSTILE_INPUTS.length} hostile inputs`);
    const named = [...text.matchAll(/dead: `(\w+)`/g)].map(([, reason]) => reason);
    expect(named.filter((reason) => !(DEAD_REASONS as readonly unknown[]).includes(reason))).toEqual([]);
  });
});
