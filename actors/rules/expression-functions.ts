// What rules have beyond CEL: whole numbers beside doubles, a few functions of numbers, and glob. All of it is fixed:
// the same on every machine and at any time.
import type { Environment } from '@marcbachmann/cel-js';
import { globMatches } from './glob.ts';

const NUMBERS = ['double', 'int'] as const;

const OPERATORS: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
};

/** Adds them to an environment. */
export function registerFunctions(environment: Environment): void {
  for (const [sign, apply] of Object.entries(OPERATORS)) {
    const mixed = (a: unknown, b: unknown) => apply(Number(a), Number(b));
    environment.registerOperator(`double ${sign} int: double`, mixed);
    environment.registerOperator(`int ${sign} double: double`, mixed);
  }
  environment.registerOperator('double == int: bool', (a: unknown, b: unknown) => Number(a) === Number(b));
  for (const [name, apply] of Object.entries({ min: Math.min, max: Math.max })) {
    for (const left of NUMBERS) {
      for (const right of NUMBERS) {
        environment.registerFunction(`${name}(${left}, ${right}): double`, (a: unknown, b: unknown) =>
          apply(Number(a), Number(b)),
        );
      }
    }
  }
  const ofOne = { abs: Math.abs, sqrt: Math.sqrt, ln: Math.log, log1p: Math.log1p };
  for (const [name, apply] of Object.entries(ofOne)) {
    for (const type of NUMBERS)
      environment.registerFunction(`${name}(${type}): double`, (a: unknown) => apply(Number(a)));
  }
  environment.registerFunction('string.glob(string): bool', (text: string, pattern: string) =>
    globMatches(pattern, text),
  );
}
