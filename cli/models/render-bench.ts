// The figures of `troupe model bench` for people.
import type { Terminal } from '../terminal.ts';
import { type BatchCell, usableCells } from './bench-curve.ts';
import { LEAST_COSINE, type ModelBench } from './bench-model.ts';

export function renderBench(terminal: Terminal, bench: ModelBench): void {
  const { model, dimension, provider, unavailable, cells, sessions, knee, proposal, cosine, remarks } = bench;
  terminal.print(terminal.style('bold', `${model} on ${provider}, vectors of ${dimension} numbers`));
  for (const each of unavailable) terminal.print(`not on ${each.provider}: ${each.reason}`);
  const threads = [...new Set(cells.map((cell) => cell.threads))];
  const batches = [...new Set(cells.map((cell) => cell.batch))];
  const right = 'right' as const;
  terminal.table(
    [
      { title: 'Batch', align: right },
      ...threads.map((count) => ({
        title: `Items/s, ${count} ${count === 1 ? 'thread' : 'threads'}`,
        align: right,
      })),
      { title: 'As alone' },
    ],
    batches.map((batch) => {
      const row = threads.map((count) =>
        cells.find((cell) => cell.batch === batch && cell.threads === count),
      );
      return [batch, ...row.map((cell) => cell?.itemsPerS.toFixed(1) ?? ''), agreementText(row)];
    }),
  );
  terminal.print();
  terminal.table(
    [
      { title: 'Sessions', align: right },
      { title: `Items/s, batch ${knee?.batch ?? 1}`, align: right },
    ],
    sessions.map(({ sessions: count, itemsPerS }) => [count, itemsPerS.toFixed(1)]),
  );
  terminal.print();
  for (const remark of remarks) terminal.print(remark);
  const largest = usableCells(cells, 1).at(-1)?.batch ?? 1;
  if (knee !== null) {
    terminal.print(
      `from batch ${knee.batch} on, more pictures in a run give under 5 % more; batches up to ${largest} keep every bit`,
    );
  }
  if (cosine < LEAST_COSINE) {
    terminal.print(
      terminal.style(
        'red',
        `a batch gives other vectors than single pictures: cosine ${cosine}, expected ${LEAST_COSINE}`,
      ),
    );
  }
  terminal.print(
    `proposed, about ${proposal.itemsPerS.toFixed(0)} items/s: models.${model}: { batch: ${proposal.batch}, threads: ${proposal.threads} }, node.embedding: { batch: ${proposal.batch}, sessions: ${proposal.sessions} }`,
  );
}

function agreementText(row: readonly (BatchCell | undefined)[]): string {
  const cells = row.filter((cell) => cell !== undefined);
  if (cells.every(({ bits }) => bits)) return 'every bit';
  return `cosine ${Math.min(...cells.map(({ cosine }) => cosine)).toFixed(7)}`;
}
