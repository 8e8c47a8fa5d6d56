// When a supervisor ends by itself because the work that it was there for is done: children that matter for
// this are marked significant, and the rule says how many of them must have ended in the order of things.
import { InvalidSupervisionOptions } from './options-error.ts';
import type { RestartType } from './restart-type.ts';

/**
 * `never`: it does not. `any_significant`: as soon as one significant child has ended and is not restarted.
 * `all_significant`: when none of them is left.
 */
export type AutoShutdown = 'never' | 'any_significant' | 'all_significant';

/** Whether the end of a significant child, which leaves `left` of them, ends its supervisor. */
export function endsSupervisor(rule: AutoShutdown, left: number): boolean {
  switch (rule) {
    case 'never':
      return false;
    case 'any_significant':
      return true;
    case 'all_significant':
      return left === 0;
  }
}

/** @throws InvalidSupervisionOptions for a significant child that could never end its supervisor. */
export function checkSignificant(
  rule: AutoShutdown,
  child: { readonly id: string; readonly restart: RestartType; readonly significant?: boolean },
): void {
  if (child.significant !== true) return;
  if (child.restart === 'permanent') {
    throw new InvalidSupervisionOptions(
      `expected the significant child "${child.id}" to be transient or temporary, but it was permanent`,
    );
  }
  if (rule === 'never') {
    throw new InvalidSupervisionOptions(
      `expected autoShutdown any_significant or all_significant for the significant child "${child.id}", but it was never`,
    );
  }
}
