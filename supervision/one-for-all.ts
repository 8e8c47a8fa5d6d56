// one_for_all: children share state that a failure of any of them puts in doubt, so that all come up anew.

/** All children restart. */
export function oneForAll(_failed: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, position) => position);
}
