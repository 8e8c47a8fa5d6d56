// rest_for_one: later children build on earlier ones, so that a failure takes down whatever was started after
// it, and everything comes up again in order.

/** The failed child and all that were started after it restart. */
export function restForOne(failed: number, count: number): readonly number[] {
  return Array.from({ length: count - failed }, (_, offset) => failed + offset);
}
