// The programs of the documentation do what the text around them says.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { programsOf, runProgram, writeProgram } from '../support/doc-programs.ts';

const folder = mkdtempSync(join(tmpdir(), 'troupe-docs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('docs/testkit.md', () => {
  const programs = programsOf('testkit.md');

  it('has a program for each of its sections', () => {
    expect(programs.map(({ title }) => title)).toEqual([
      'Time and probes',
      'Orders that matter',
      'Faults',
      'Checks',
    ]);
  });

  it.each(programs)('runs: $title', async (program) => {
    const path = writeProgram(program, folder, `testkit-${programs.indexOf(program)}.ts`);
    expect(await runProgram(path)).toEqual({ code: 0, output: '' });
  });
});

describe('docs/actors.md', () => {
  // The first program needs a server: actors-guide.test.ts.
  const programs = programsOf('actors.md').slice(1);

  it.each(programs)('runs: $title', async (program) => {
    const path = writeProgram(program, folder, `actors-${programs.indexOf(program)}.ts`);
    expect(await runProgram(path)).toEqual({ code: 0, output: '' });
  });
});

describe('docs/dedup.md', () => {
  const programs = programsOf('dedup.md');

  it('has a program for texts and one for records', () => {
    expect(programs.map(({ title }) => title)).toEqual(['Texts', 'Records']);
  });

  it.each(programs)('runs: $title', async (program) => {
    const path = writeProgram(program, folder, `dedup-${programs.indexOf(program)}.ts`);
    expect(await runProgram(path)).toEqual({ code: 0, output: '' });
  });
});
