import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jaro, jaroWinkler } from '../../../actors/record/jaro-winkler.ts';
import { soundex } from '../../../actors/record/soundex.ts';

describe('soundex', () => {
  it.each([
    ['Robert', 'R163'],
    ['Rupert', 'R163'],
    ['Ashcraft', 'A261'],
    ['Ashcroft', 'A261'],
    ['Tymczak', 'T522'],
    ['Pfister', 'P236'],
    ['Honeyman', 'H555'],
    ['Washington', 'W252'],
    ['Lee', 'L000'],
    ['Gutierrez', 'G362'],
    ['Jackson', 'J250'],
    ['VanDeusen', 'V532'],
    ["O'Brien", 'O165'],
    ['Müller', 'M460'],
    ['', ''],
    ['42', ''],
  ])('codes %s as the National Archives do: %s', (name, code) => {
    expect(soundex(name)).toBe(code);
  });
});

describe('jaroWinkler', () => {
  // Winkler's table of name pairs; three decimals as printed there.
  it.each([
    ['SHACKLEFORD', 'SHACKELFORD', 0.97, 0.982],
    ['DUNNINGHAM', 'CUNNIGHAM', 0.896, 0.896],
    ['NICHLESON', 'NICHULSON', 0.926, 0.956],
    ['JONES', 'JOHNSON', 0.79, 0.832],
    ['MASSEY', 'MASSIE', 0.889, 0.933],
    ['ABROMS', 'ABRAMS', 0.889, 0.922],
    ['ITMAN', 'SMITH', 0.467, 0.467],
    ['JERALDINE', 'GERALDINE', 0.926, 0.926],
    ['MARTHA', 'MARHTA', 0.944, 0.961],
    ['MICHELLE', 'MICHAEL', 0.869, 0.921],
    ['JULIES', 'JULIUS', 0.889, 0.933],
    ['DWAYNE', 'DUANE', 0.822, 0.84],
    ['DIXON', 'DICKSON', 0.79, 0.832],
    ['DIXON', 'DICKSONX', 0.767, 0.813],
  ])('of %s and %s is %f (Jaro) and %f', (one, other, plain, winkler) => {
    expect(jaro(one, other)).toBeCloseTo(plain, 3);
    expect(jaroWinkler(one, other)).toBeCloseTo(winkler, 3);
  });

  it('is symmetric, 1 for equal strings only, and within 0 to 1', () => {
    const short = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 });
    fc.assert(
      fc.property(short, short, (one, other) => {
        const similarity = jaroWinkler(one, other);
        expect(similarity).toBeCloseTo(jaroWinkler(other, one), 12);
        expect(similarity === 1).toBe(one === other);
        expect(similarity).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
