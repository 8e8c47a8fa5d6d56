// What rules may write: a part of CEL in which every expression ends soon and gives the same answer on every machine.
// Left out are regular expressions (they can take for ever), nested loops and lists that grow (likewise), time zones
// and free-form dates (they depend on the machine), and everything that rules have no use for.
import type { ASTNode } from '@marcbachmann/cel-js';
import { ExpressionError } from './expression-error.ts';

/** Functions, by name. */
export const FUNCTIONS = [
  'has',
  'size',
  'string',
  'double',
  'int',
  'bool',
  'timestamp',
  'duration',
  'min',
  'max',
  'abs',
  'sqrt',
  'ln',
  'log1p',
] as const;

/** Methods that go through a list or the keys of a mapping. */
const LOOPS = ['all', 'exists', 'exists_one', 'filter'] as const;

/** All methods, by name. */
export const METHODS = [
  'startsWith',
  'endsWith',
  'contains',
  'glob',
  'lowerAscii',
  'upperAscii',
  'trim',
  'size',
  ...LOOPS,
  'getFullYear',
  'getMonth',
  'getDate',
  'getDayOfWeek',
  'getHours',
  'getMinutes',
  'getSeconds',
] as const;

const REMEDIES: Readonly<Record<string, string>> = {
  matches: 'regular expressions can take for ever; write glob, startsWith, endsWith or contains',
  map: 'write filter, exists or all',
  bind: 'write the expression out',
  getDayOfMonth: 'write getDate, which counts from 1',
};

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?(Z|[+-]\d\d:\d\d)$/;

/** What an expression may name. */
export interface Vocabulary {
  readonly variables: readonly string[];
  readonly signals: readonly string[];
}

/**
 * Refuses what is not allowed, and says which variables the expression reads.
 * @throws ExpressionError
 */
export function checkVocabulary(root: ASTNode, vocabulary: Vocabulary): ReadonlySet<string> {
  const walk = new Walk(vocabulary);
  walk.visit(root, undefined);
  return walk.read;
}

class Walk {
  readonly #vocabulary: Vocabulary;
  readonly read = new Set<string>();

  constructor(vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary;
  }

  /** `loop` is the member's name within a loop. */
  visit(node: ASTNode, loop: string | undefined): void {
    if (node.op === 'rcall' && isLoop(node.args[0])) {
      this.#visitLoop(node, loop);
      return;
    }
    this.#check(node, loop);
    for (const child of childrenOf(node)) this.visit(child, loop);
  }

  #check(node: ASTNode, loop: string | undefined): void {
    switch (node.op) {
      case 'id':
        if (node.args !== loop) this.read.add(checkVariable(node.args, node, this.#vocabulary));
        return;
      case '.':
        checkSignal(node.args[0], node.args[1], node, this.#vocabulary);
        return;
      case '[]': {
        const [of, key] = node.args;
        if (key.op === 'value') checkSignal(of, String(key.args), key, this.#vocabulary);
        return;
      }
      case 'call':
        checkCall(node.args[0], FUNCTIONS, 'function', node);
        if (node.args[0] === 'timestamp') checkTimestamp(node.args[1][0], node);
        return;
      case 'rcall':
        checkCall(node.args[0], METHODS, 'method', node);
        if (node.args[0].startsWith('get') && node.args[2].length > 0)
          throw new ExpressionError(`${node.args[0]} takes no time zone; times are UTC`, node.pos);
    }
  }

  #visitLoop(node: Extract<ASTNode, { op: 'rcall' }>, loop: string | undefined): void {
    const [, receiver, [member, ...parts]] = node.args;
    if (loop !== undefined) throw new ExpressionError('a loop stands within a loop', node.pos);
    this.visit(receiver, loop);
    const name = member?.op === 'id' ? member.args : '';
    if (this.#vocabulary.variables.includes(name))
      throw new ExpressionError(`${name} is a variable already; name the member otherwise`, node.pos);
    for (const part of parts) this.visit(part, name);
  }
}

function checkVariable(name: string, node: ASTNode, { variables }: Vocabulary): string {
  if (variables.includes(name)) return name;
  throw new ExpressionError(`unknown variable ${name}; there are ${variables.join(', ')}`, node.pos, {
    name,
    allowed: variables,
  });
}

function checkSignal(of: ASTNode, name: string, at: ASTNode, { signals }: Vocabulary): void {
  if (of.op !== 'id' || of.args !== 'signals' || signals.includes(name)) return;
  throw new ExpressionError(`unknown signal ${name}; docs/rules.md lists them`, at.pos, {
    name,
    allowed: signals,
  });
}

function checkCall(
  name: string,
  allowed: readonly string[],
  what: 'function' | 'method',
  node: ASTNode,
): void {
  if (allowed.includes(name)) return;
  const remedy = REMEDIES[name] ?? `there are ${allowed.join(', ')}`;
  throw new ExpressionError(`no ${what} ${name}: ${remedy}`, node.pos, { name, allowed });
}

function checkTimestamp(argument: ASTNode | undefined, node: ASTNode): void {
  const isFixed =
    argument?.op === 'value' && typeof argument.args === 'string' && RFC3339.test(argument.args);
  if (isFixed) return;
  throw new ExpressionError('timestamp takes a text such as "2026-01-31T12:00:00Z"', node.pos);
}

function isLoop(method: string): boolean {
  return (LOOPS as readonly string[]).includes(method);
}

function childrenOf(node: ASTNode): readonly ASTNode[] {
  switch (node.op) {
    case 'value':
    case 'id':
      return [];
    case '.':
    case '.?':
      return [node.args[0]];
    case 'call':
      return node.args[1];
    case 'rcall':
      return [node.args[1], ...node.args[2]];
    case 'map':
      return node.args.flat();
    case '!_':
    case '-_':
      return [node.args];
    default:
      return node.args;
  }
}
