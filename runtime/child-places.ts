// Builds the places below a supervisor from its spec, once for the life of the system: a place, its path and
// its mailboxes outlive every incarnation.
import type { ActorSpec, SupervisorSpec } from './actor.ts';
import { InvalidSpec } from './actor-errors.ts';
import type { Child, Parent, Surroundings } from './child.ts';
import { childPath } from './child-path.ts';
import { SupervisorCell } from './supervisor-cell.ts';

/**
 * The places of a supervisor's children, in start order.
 * @throws InvalidSpec for an id that is no path token or that a sibling has.
 */
export function buildPlaces(options: {
  readonly path: string;
  readonly spec: SupervisorSpec;
  readonly parent: Parent;
  readonly surroundings: Surroundings;
}): readonly Child[] {
  const ids = new Set<string>();
  return options.spec.children.map((spec) => {
    const path = childPath(options.path, spec.id);
    if (ids.has(spec.id)) {
      throw new InvalidSpec(`expected ids to differ under ${options.path}, but "${spec.id}" is there twice`);
    }
    ids.add(spec.id);
    return buildPlace({ ...options, path, spec });
  });
}

function buildPlace(options: {
  readonly path: string;
  readonly spec: ActorSpec<unknown> | SupervisorSpec;
  readonly parent: Parent;
  readonly surroundings: Surroundings;
}): Child {
  const { path, spec, parent, surroundings } = options;
  if (spec.type === 'supervisor') {
    return new SupervisorCell({
      path,
      spec,
      parent,
      surroundings,
      buildPlaces: (supervisor) => buildPlaces({ path, spec, parent: supervisor, surroundings }),
    });
  }
  return surroundings.makeActor({ path, spec, parent });
}
