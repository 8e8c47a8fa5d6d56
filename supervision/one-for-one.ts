// one_for_one: children are independent of each other, so that a failure concerns nobody else.

/** Only the failed child restarts. */
export function oneForOne<C>(failed: C): C[] {
  return [failed];
}
