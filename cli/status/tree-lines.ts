// The lines of a tree as people draw it, from places that come with their depth.

/** One prefix for each place, `├─ `, `└─ ` and the rails of the places above; none for those at depth 0. */
export function treePrefixes(depths: readonly number[]): readonly string[] {
  return depths.map((depth, at) => {
    let prefix = '';
    for (let level = 1; level <= depth; level += 1) {
      const goesOn = hasSibling(depths, at, level);
      if (level === depth) prefix += goesOn ? '├─ ' : '└─ ';
      else prefix += goesOn ? '│  ' : '   ';
    }
    return prefix;
  });
}

/** Whether another place at `level` follows under the same parent as the one that holds the place at `at`. */
function hasSibling(depths: readonly number[], at: number, level: number): boolean {
  for (const depth of depths.slice(at + 1)) {
    if (depth === level) return true;
    if (depth < level) return false;
  }
  return false;
}
