// The order of test files that run side by side: each kind is spread over the whole run, so that files which use the cores
// run beside files which wait for something. Long kinds end early, or the last file would run alone for minutes.
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** When the last file of a kind begins, as a share of the run; the rest begin evenly before. */
const LAST_BEGINS: Readonly<Record<string, number>> = { chaos: 0.7, e2e: 0.8, integration: 1 };

/** For `sequence.sequencer`: the files of each project in Vitest's own order, those of all projects interleaved. */
export class SpreadKinds extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const kinds = Map.groupBy(sorted, ({ project }) => project.name);
    const placed = [...kinds].flatMap(([kind, specifications]) =>
      specifications.map((file, at) => ({
        file,
        begins: ((at + 0.5) / specifications.length) * (LAST_BEGINS[kind] ?? 1),
      })),
    );
    return placed.sort((one, other) => one.begins - other.begins).map(({ file }) => file);
  }
}
