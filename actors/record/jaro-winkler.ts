// Similarity of two short strings that typing errors set apart (Jaro 1989; Winkler 1990): the share of characters that
// agree in about the same place, less transpositions, and more where the beginnings agree.

/** 0 (no character agrees) to 1 (equal). Compared by UTF-16 units; 0 where either is empty and 1 where both are. */
export function jaro(one: string, other: string): number {
  if (one === other) return 1;
  const reach = Math.max(0, Math.floor(Math.max(one.length, other.length) / 2) - 1);
  const taken = new Uint8Array(other.length);
  const first: number[] = [];
  for (let at = 0; at < one.length; at += 1) {
    const end = Math.min(other.length, at + reach + 1);
    for (let to = Math.max(0, at - reach); to < end; to += 1) {
      if (taken[to] === 1 || one.charCodeAt(at) !== other.charCodeAt(to)) continue;
      taken[to] = 1;
      first.push(one.charCodeAt(at));
      break;
    }
  }
  if (first.length === 0) return 0;
  let moved = 0;
  let at = 0;
  for (let to = 0; to < other.length; to += 1) {
    if (taken[to] === 0) continue;
    if (other.charCodeAt(to) !== first[at]) moved += 1;
    at += 1;
  }
  const agree = first.length;
  return (agree / one.length + agree / other.length + (agree - Math.floor(moved / 2)) / agree) / 3;
}

/** Jaro, raised by a tenth of what it lacks for each of the first four characters that agree. */
export function jaroWinkler(one: string, other: string): number {
  const similarity = jaro(one, other);
  let prefix = 0;
  while (prefix < Math.min(4, one.length, other.length) && one[prefix] === other[prefix]) prefix += 1;
  return similarity + prefix * 0.1 * (1 - similarity);
}
