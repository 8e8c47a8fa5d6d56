// Soundex as the United States National Archives define it: names that sound alike share a code of a letter and three
// digits.

const codes: Readonly<Record<string, string>> = {
  ...{ B: '1', F: '1', P: '1', V: '1' },
  ...{ C: '2', G: '2', J: '2', K: '2', Q: '2', S: '2', X: '2', Z: '2' },
  ...{ D: '3', T: '3', L: '4', M: '5', N: '5', R: '6' },
};

/** Letter and three digits; empty where the name has no letter from A to Z (accents are dropped). */
export function soundex(name: string): string {
  const letters = name
    .normalize('NFD')
    .toUpperCase()
    .replace(/[^A-Z]/g, '');
  let code = letters.slice(0, 1);
  let last = codes[code];
  for (const letter of letters.slice(1)) {
    const digit = codes[letter];
    if (digit !== undefined && digit !== last) code += digit;
    // H and W do not part two letters of one code; vowels do.
    if (letter !== 'H' && letter !== 'W') last = digit;
    if (code.length === 4) break;
  }
  return code === '' ? '' : code.padEnd(4, '0');
}
