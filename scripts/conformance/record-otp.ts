// Runs scripts through the real OTP supervisor: writes them as Erlang terms, has the recorder of this folder
// carry them out, and joins each with its trace.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Node, Recording, Script, Step } from './script.ts';

const recorder = fileURLToPath(new URL('./otp-recorder.escript', import.meta.url));

/** Whether Erlang is installed here. */
export function hasErlang(): boolean {
  try {
    execFileSync('escript', [], { stdio: 'ignore' });
    return true;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ENOENT');
  }
}

/** What OTP does with each script; `otp` is its release. */
export function recordWithOtp(scripts: readonly Script[]): {
  readonly otp: string;
  readonly recordings: readonly Recording[];
} {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-conformance-'));
  try {
    const [input, output] = [join(folder, 'scripts.terms'), join(folder, 'traces.txt')];
    writeFileSync(input, scripts.map((script) => `${scriptTerm(script)}.\n`).join(''));
    execFileSync('escript', [recorder, input, output], { stdio: ['ignore', 'inherit', 'inherit'] });
    const [first = '', ...lines] = readFileSync(output, 'utf8').trimEnd().split('\n');
    if (lines.length !== scripts.length) {
      throw new Error(`expected ${scripts.length} traces, but OTP wrote ${lines.length}`);
    }
    return {
      otp: first.replace('otp ', ''),
      recordings: scripts.map((script, n) => joined(script, lines[n])),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function joined(script: Script, line = ''): Recording {
  const [trace = '', final = ''] = line.split('\t');
  return { ...script, trace: trace.split('|'), final };
}

function scriptTerm({ tree, steps }: Script): string {
  return tuple(nodeTerm(tree), list(steps.map(stepTerm)));
}

function nodeTerm(node: Node): string {
  const { type, id, restart, significant } = node;
  if (node.type === 'worker') return tuple(type, id, restart, String(significant));
  const { strategy, intensity, autoShutdown, children } = node;
  const rest = [strategy, String(intensity), autoShutdown, list(children.map(nodeTerm))];
  return tuple(type, id, restart, String(significant), ...rest);
}

function stepTerm(step: Step): string {
  switch (step.type) {
    case 'exit':
      return tuple(step.type, step.supervisor, list(step.exits.map(({ id, how }) => tuple(id, how))));
    case 'fail':
      return tuple(step.type, step.id, String(step.times));
    case 'terminate':
    case 'restart':
    case 'delete':
      return tuple(step.type, step.supervisor, step.child);
    case 'start':
      return tuple(step.type, step.supervisor, nodeTerm(step.child));
    case 'stop':
      return tuple(step.type);
  }
}

function tuple(...terms: readonly string[]): string {
  return `{${terms.join(',')}}`;
}

function list(terms: readonly string[]): string {
  return `[${terms.join(',')}]`;
}
