// The table of hostile inputs, and the rows that docs/hostile-input.md shows of it. Each is published in the middle of
// good items by tests/integration/hostile-input.test.ts.
import type { HostileInput } from './hostile-input.ts';
import { HOSTILE_MESSAGES } from './hostile-messages.ts';
import { HOSTILE_PICTURES } from './hostile-pictures.ts';
import { HOSTILE_REFERENCES } from './hostile-references.ts';

export const HOSTILE_INPUTS: readonly HostileInput[] = [
  ...HOSTILE_PICTURES,
  ...HOSTILE_MESSAGES,
  ...HOSTILE_REFERENCES,
];

/** Lines of the table as the documentation has them. */
export function hostileInputRows(): readonly string[] {
  return HOSTILE_INPUTS.map(({ what, by, expected, remark }) => {
    const outcome = 'reason' in expected ? `dead: \`${expected.reason}\`` : expected.outcome;
    return `| ${what} | ${by} | ${outcome}${remark === undefined ? '' : ` (${remark})`} |`;
  });
}
