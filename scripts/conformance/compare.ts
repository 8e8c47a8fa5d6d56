// Holds what our system does with recorded scripts against what OTP did, and tells the differences so that a
// person can follow them.
import { runHere } from './run-here.ts';
import type { Node, Recording, Step } from './script.ts';

/** Where a script first goes another way. */
export interface Difference {
  /** Position of the script in its file, from 0. */
  readonly script: number;
  readonly recording: Recording;
  /** The step, 0 being the start; undefined when only the final tree differs. */
  readonly step: number | undefined;
  readonly otp: string;
  readonly here: string;
}

/** The first difference of each script that has one. */
export async function differences(recordings: readonly Recording[]): Promise<readonly Difference[]> {
  const found: Difference[] = [];
  for (const [script, recording] of recordings.entries()) {
    const here = await runHere(recording);
    const step = recording.trace.findIndex((tokens, at) => tokens !== here.trace[at]);
    if (step !== -1) {
      const [otp = '', ours = ''] = [recording.trace[step], here.trace[step]];
      found.push({ script, recording, step, otp, here: ours });
    } else if (recording.final !== here.final) {
      found.push({ script, recording, step: undefined, otp: recording.final, here: here.final });
    }
  }
  return found;
}

/** The tree, the steps up to the difference, and both traces of it. */
export function describeDifference({ script, recording, step, otp, here }: Difference): string {
  const early = recording.steps.findIndex(({ type }) => type !== 'fail');
  const planned = early === -1 ? recording.steps.length : early;
  const shown = step === undefined ? recording.trace.length : step + 1;
  const lines = recording.trace.slice(0, shown).map((tokens, at) => {
    const told = at === 0 ? 'start' : showStep(recording.steps[planned + at - 1]);
    return `  ${told.padEnd(34)} ${at === step ? '' : tokens}`;
  });
  const failures = recording.steps.slice(0, planned).map((one) => `  ${showStep(one)}`);
  return [
    `script ${script}`,
    showTree(recording.tree, '  '),
    ...failures,
    ...lines,
    `    OTP   ${otp}`,
    `    here  ${here}`,
  ].join('\n');
}

function showTree(node: Node, indent: string): string {
  const mark = node.significant ? ' significant' : '';
  if (node.type === 'worker') return `${indent}${node.id} ${node.restart}${mark}`;
  const { id, restart, strategy, intensity, autoShutdown } = node;
  const auto = autoShutdown === 'never' ? '' : ` ${autoShutdown}`;
  const head = `${indent}${id} ${restart}${mark}, ${strategy}, ${intensity}${auto}`;
  return [head, ...node.children.map((child) => showTree(child, `${indent}  `))].join('\n');
}

function showStep(step: Step | undefined): string {
  switch (step?.type) {
    case 'exit':
      return `exit ${step.exits.map(({ id, how }) => `${id} ${how}`).join(', ')}`;
    case 'fail':
      return `fail ${step.id} ${step.times} times`;
    case 'terminate':
    case 'restart':
    case 'delete':
      return `${step.type} ${step.child} under ${step.supervisor}`;
    case 'start':
      return `start ${step.child.id} under ${step.supervisor}`;
    case 'stop':
      return 'stop';
    case undefined:
      return '';
  }
}
