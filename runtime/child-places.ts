// Builds the places in the tree from specs that have been checked: an actor's, or a supervisor's with all that is
// below it. A place, its path and its mailbox outlive every incarnation.
import type { ChildSpec, SupervisorSpec } from './actor.ts';
import type { Child, Parent, Surroundings } from './child.ts';
import { childPath } from './child-path.ts';
import { SupervisorCell } from './supervisor-cell.ts';

/** The place of a supervisor, with its tree. */
export function buildSupervisor(options: {
  readonly path: string;
  readonly spec: SupervisorSpec;
  readonly parent: Parent;
  readonly surroundings: Surroundings;
}): SupervisorCell {
  const { path, surroundings } = options;
  const build = (spec: ChildSpec, parent: Parent) =>
    buildPlace({ path: childPath(path, spec.id), spec, parent, surroundings });
  return new SupervisorCell({ ...options, build });
}

function buildPlace(options: {
  readonly path: string;
  readonly spec: ChildSpec;
  readonly parent: Parent;
  readonly surroundings: Surroundings;
}): Child {
  const { path, spec, parent, surroundings } = options;
  if (spec.type === 'supervisor') return buildSupervisor({ path, spec, parent, surroundings });
  return surroundings.makeActor({ path, spec, parent });
}
