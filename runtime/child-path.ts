// How paths in the tree are made: ids joined by slashes, the root's own id left out.
import { InvalidSpec } from './actor-errors.ts';

/** Path of the root supervisor. */
export const rootPath = '/';

/** Letters, digits, `.`, `_` and `-`: also a subject token of NATS once `.` is replaced. */
const idPattern = /^[A-Za-z0-9._-]+$/;

/**
 * The path of a child.
 * @throws InvalidSpec for an id that is no path token.
 */
export function childPath(parentPath: string, id: string): string {
  if (!idPattern.test(id)) {
    throw new InvalidSpec(
      `expected an id of letters, digits, ".", "_" and "-" under ${parentPath}, but it was "${id}"`,
    );
  }
  return parentPath === rootPath ? id : `${parentPath}/${id}`;
}
