// How a configuration names a model: by an entry under `models:`, or by one that was added to the system and a range of its
// versions, such as `clip@^1`.
import semver from 'semver';

const NAME = /^[a-z0-9][a-z0-9-]{0,31}$/;

/** A model of the system's registry. */
export interface ModelReference {
  readonly name: string;
  /** Versions that will do, as npm writes ranges. */
  readonly range: string;
}

/** The parts of `NAME@RANGE`; undefined for a plain name, and for what is neither. */
export function modelReference(text: string): ModelReference | undefined {
  const at = text.indexOf('@');
  const [name, range] = [text.slice(0, at), text.slice(at + 1)];
  if (at === -1 || !NAME.test(name) || range === '' || semver.validRange(range) === null) return undefined;
  return { name, range };
}

/** The name by which a model is asked for, without the range. */
export function plainModelName(text: string): string {
  return modelReference(text)?.name ?? text;
}
