// What a spec must keep to before anything is built from it, and how a supervisor's core is made from one: a
// wrong spec shows when a system or a child is asked for, never at a later start.
import { defaultBackoff, defaultIntensity, type SupervisedChild, SupervisorCore } from '#supervision';
import type { ChildSpec, SupervisorSpec } from './actor.ts';
import { InvalidSpec } from './actor-errors.ts';
import { childPath } from './child-path.ts';
import { Mailbox } from './mailbox.ts';

/**
 * Checks a child and all that is below it.
 * @throws InvalidSpec for an id that is no path token or that a sibling has
 * @throws InvalidSupervisionOptions
 * @throws RangeError for the capacity of a mailbox
 */
export function checkSpec(parentPath: string, spec: ChildSpec): void {
  const path = childPath(parentPath, spec.id);
  if (spec.type === 'supervisor') checkSupervisor(path, spec);
  else if (spec.mailbox !== undefined) new Mailbox(spec.mailbox);
}

/** Checks a supervisor that stands at `path`; throws as `checkSpec` does. */
export function checkSupervisor(path: string, spec: SupervisorSpec): void {
  const ids = new Set<string>();
  for (const child of spec.children) {
    if (ids.has(child.id)) {
      throw new InvalidSpec(`expected ids to differ under ${path}, but "${child.id}" is there twice`);
    }
    ids.add(child.id);
    checkSpec(path, child);
  }
  newCore(spec);
}

/**
 * The core of one incarnation of a supervisor.
 * @throws InvalidSupervisionOptions
 */
export function newCore(spec: SupervisorSpec): SupervisorCore {
  const { strategy, intensity = defaultIntensity, backoff = defaultBackoff } = spec;
  const { autoShutdown = 'never', children } = spec;
  return new SupervisorCore({
    strategy,
    intensity,
    backoff,
    autoShutdown,
    children: children.map(supervised),
  });
}

/** A child as the core sees it. */
export function supervised({ id, restart = 'permanent', significant = false }: ChildSpec): SupervisedChild {
  return { id, restart, significant };
}
