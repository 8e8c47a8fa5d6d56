// A YAML text with the positions of its values, so that a problem can be named by line and column.
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Pair, parseDocument } from 'yaml';

/** A place in a text, counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A parsed YAML text. */
export interface YamlSource {
  /** The value as plain objects; `undefined` for an empty text or one with syntax errors. */
  readonly value: unknown;
  /** What the YAML itself gets wrong. */
  readonly syntaxErrors: readonly { readonly position: Position; readonly message: string }[];
  /**
   * Where the value (or the key) at a path stands; where it is absent, the nearest mapping around it. `within` counts
   * characters of a text that stands in the file as it is; in any other it is ignored.
   */
  positionOf(path: readonly PropertyKey[], aboutKey: boolean, within?: number): Position;
}

/** Parses a YAML text of at most one document. */
export function parseYaml(text: string): YamlSource {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const toPosition = (offset: number): Position => {
    const { line, col } = lineCounter.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const syntaxErrors = [...document.errors, ...document.warnings].map((error) => ({
    position: toPosition(error.pos[0]),
    message: error.message,
  }));

  const positionOf = (path: readonly PropertyKey[], aboutKey: boolean, within?: number): Position => {
    let node: unknown = document.contents;
    let offset = rangeStart(node) ?? 0;
    for (const [depth, part] of path.entries()) {
      if (isAlias(node)) node = node.resolve(document);
      if (isSeq(node)) {
        node = node.items[Number(part)];
        offset = rangeStart(node) ?? offset;
        continue;
      }
      const pair: Pair | undefined = isMap(node)
        ? node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(part))
        : undefined;
      if (pair === undefined) break;
      const atKey = (aboutKey && depth === path.length - 1) || isEmpty(pair.value);
      offset = rangeStart(atKey ? pair.key : pair.value) ?? offset;
      node = pair.value;
    }
    return toPosition(within === undefined ? offset : (offsetWithin(node, text, within) ?? offset));
  };

  return {
    value: syntaxErrors.length === 0 ? (document.toJS() ?? undefined) : undefined,
    syntaxErrors,
    positionOf,
  };
}

function isEmpty(node: unknown): boolean {
  return node === null || (isScalar(node) && node.value === null);
}

/** Offset in the file of a character of a scalar's text, when that text stands there letter for letter or as a block. */
function offsetWithin(node: unknown, text: string, within: number): number | undefined {
  if (!isScalar(node) || typeof node.value !== 'string' || node.range == null) return undefined;
  const [start, end] = node.range;
  if (node.type === 'BLOCK_LITERAL') return start + offsetInBlock(text.slice(start, end), node.value, within);
  const value = node.value.trimEnd();
  const at = text.slice(start, end).indexOf(value);
  return at === -1 || value === '' ? undefined : start + at + within;
}

/** The lines of a literal block are those of its text, each behind the same indentation. */
function offsetInBlock(block: string, value: string, within: number): number {
  const [header = '', ...lines] = block.split('\n');
  const before = value.slice(0, within).split('\n');
  const indentation = /^ */.exec(lines.find((line) => line.trim() !== '') ?? '')?.[0].length ?? 0;
  const above = [header, ...lines.slice(0, before.length - 1)].join('\n').length + 1;
  return above + indentation + (before.at(-1)?.length ?? 0);
}

function rangeStart(node: unknown): number | undefined {
  const range = (node as { readonly range?: readonly number[] | null } | null | undefined)?.range;
  return range?.[0];
}
