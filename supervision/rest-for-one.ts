// rest_for_one: later children build on earlier ones, so that a failure takes down whatever was started after
// it, and everything comes up again in order.

/** The failed child and all that were started after it restart. */
export function restForOne<C>(failed: C, children: Iterable<C>): C[] {
  const inOrder = [...children];
  return inOrder.slice(inOrder.indexOf(failed));
}
