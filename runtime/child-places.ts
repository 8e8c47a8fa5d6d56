// Builds the places below a supervisor from its spec, once for the life of the system: a place, its path and
// its mailboxes outlive every incarnation.
import type { ActorSpec, SupervisorSpec } from './actor.ts';
import { ActorCell } from './actor-cell.ts';
import { InvalidSpec } from './actor-errors.ts';
import type { Child, Parent, Surroundings } from './child.ts';
import type { Receiver } from './local-ref.ts';
import { SupervisorCell } from './supervisor-cell.ts';

/** Path of the root supervisor. */
export const rootPath = '/';

/** Letters, digits, `.`, `_` and `-`: also a subject token of NATS once `.` is replaced. */
const idPattern = /^[A-Za-z0-9._-]+$/;

/** Registers actors where references look them up. */
export type Register = (path: string, receiver: Receiver) => void;

/**
 * The places of a supervisor's children, in start order.
 * @throws InvalidSpec for an id that is no path token or that a sibling has.
 */
export function buildPlaces(options: {
  readonly path: string;
  readonly spec: SupervisorSpec;
  readonly parent: Parent;
  readonly surroundings: Surroundings;
  readonly register: Register;
}): readonly Child[] {
  const ids = new Set<string>();
  return options.spec.children.map((spec) => {
    if (!idPattern.test(spec.id)) {
      throw new InvalidSpec(
        `expected an id of letters, digits, ".", "_" and "-" under ${options.path}, but it was "${spec.id}"`,
      );
    }
    if (ids.has(spec.id)) {
      throw new InvalidSpec(`expected ids to differ under ${options.path}, but "${spec.id}" is there twice`);
    }
    ids.add(spec.id);
    const path = options.path === rootPath ? spec.id : `${options.path}/${spec.id}`;
    return buildPlace({ ...options, path, spec });
  });
}

function buildPlace(options: {
  readonly path: string;
  readonly spec: ActorSpec<unknown> | SupervisorSpec;
  readonly parent: Parent;
  readonly surroundings: Surroundings;
  readonly register: Register;
}): Child {
  const { path, spec, parent, surroundings, register } = options;
  if (spec.type === 'supervisor') {
    return new SupervisorCell({
      path,
      spec,
      parent,
      surroundings,
      buildPlaces: (supervisor) => buildPlaces({ path, spec, parent: supervisor, surroundings, register }),
    });
  }
  const cell = new ActorCell({ path, spec, parent, surroundings });
  register(path, cell);
  return cell;
}
