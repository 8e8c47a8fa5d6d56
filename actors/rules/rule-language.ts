// The language of rules: CEL over signals, metadata, source and declared time. Expressions are compiled once for a
// configuration; whatever can be known to be wrong is known then.
import { Environment, type ParseResult } from '@marcbachmann/cel-js';
import type { SignalCatalogue, SignalType } from '../kinds/signal-catalogue.ts';
import { checkVocabulary } from './expression-check.ts';
import { ExpressionError } from './expression-error.ts';
import { registerFunctions } from './expression-functions.ts';

/** `item`: everything; `origin`: what is known before anything is fetched. */
export type ExpressionScope = 'item' | 'origin';

/** Longest expression in characters. */
export const MAX_EXPRESSION_LENGTH = 2000;

const LIMITS = {
  maxAstNodes: 300,
  maxDepth: 24,
  maxListElements: 200,
  maxMapEntries: 50,
  maxCallArguments: 8,
};

const ORIGIN_VARIABLES = { metadata: 'map<string, dyn>', source: 'string', time: 'dyn' } as const;
const ITEM_VARIABLES = { ...ORIGIN_VARIABLES, mediaType: 'string', byteLength: 'double' } as const;

const CEL_TYPES: Readonly<Record<SignalType, string>> = {
  number: 'double',
  text: 'string',
  flag: 'bool',
  time: 'google.protobuf.Timestamp',
};

/** A compiled expression. */
export interface Expression<T> {
  readonly readsMetadata: boolean;
  /** The result for these values; undefined when it cannot be evaluated: a missing member, a wrong type, no number. */
  evaluate(values: Readonly<Record<string, unknown>>): T | undefined;
}

/** What an expression must give: the types it may have before it is evaluated, and how its value is read. */
interface Result<T> {
  readonly types: readonly string[];
  readonly wanted: string;
  read(value: unknown): T | undefined;
}

const TRUTH: Result<boolean> = {
  types: ['bool', 'dyn'],
  wanted: 'true or false is needed',
  read: (value) => (typeof value === 'boolean' ? value : undefined),
};

const NUMBER: Result<number> = {
  types: ['double', 'int', 'dyn'],
  wanted: 'a number is needed, such as `CONDITION ? 1.0 : 0.0`',
  read: (value) => {
    const number = typeof value === 'bigint' ? Number(value) : value;
    return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
  },
};

/** The language over the signals of one kind. */
export class RuleLanguage {
  readonly #signals: readonly string[];
  readonly #environments: Readonly<Record<ExpressionScope, Environment>>;

  constructor(signals: SignalCatalogue) {
    this.#signals = Object.keys(signals);
    this.#environments = {
      origin: environmentWith(ORIGIN_VARIABLES),
      item: environmentWith(ITEM_VARIABLES, signals),
    };
  }

  /**
   * Compiles an expression that is true or false.
   * @throws ExpressionError with what is wrong and where.
   */
  condition(text: string, scope: ExpressionScope): Expression<boolean> {
    return this.#compile(text, scope, TRUTH);
  }

  /**
   * Compiles an expression that gives a number.
   * @throws ExpressionError with what is wrong and where.
   */
  number(text: string): Expression<number> {
    return this.#compile(text, 'item', NUMBER);
  }

  #compile<T>(text: string, scope: ExpressionScope, result: Result<T>): Expression<T> {
    if (text.length > MAX_EXPRESSION_LENGTH) {
      throw new ExpressionError(`it has ${text.length} characters of at most ${MAX_EXPRESSION_LENGTH}`, 0);
    }
    const parsed = parse(this.#environments[scope], text);
    const variables =
      scope === 'item' ? [...Object.keys(ITEM_VARIABLES), 'signals'] : Object.keys(ORIGIN_VARIABLES);
    const read = checkVocabulary(parsed.ast, { variables: variables.sort(), signals: this.#signals });
    checkTypes(parsed, result);
    return {
      readsMetadata: read.has('metadata'),
      evaluate: (values) => {
        try {
          return result.read(parsed({ ...values }));
        } catch {
          // Whatever a publisher wrote into metadata: that the rule cannot be decided for this item goes on record.
          return undefined;
        }
      },
    };
  }
}

function environmentWith(
  variables: Readonly<Record<string, string>>,
  signals?: SignalCatalogue,
): Environment {
  const environment = new Environment({ limits: LIMITS, enableOptionalTypes: false });
  if (signals !== undefined) {
    const fields = Object.entries(signals).map(([name, { type }]) => [name, CEL_TYPES[type]]);
    environment.registerType('Signals', { fields: Object.fromEntries(fields) as Record<string, string> });
    environment.registerVariable('signals', 'Signals');
  }
  for (const [name, type] of Object.entries(variables)) environment.registerVariable(name, type);
  registerFunctions(environment);
  return environment;
}

function parse(environment: Environment, text: string): ParseResult {
  try {
    return environment.parse(text);
  } catch (error) {
    throw translated(error);
  }
}

function checkTypes(parsed: ParseResult, { types, wanted }: Result<unknown>): void {
  const { valid, type = 'dyn', error } = parsed.check();
  if (!valid) throw translated(error);
  if (!types.includes(type)) throw new ExpressionError(`it gives ${type}, where ${wanted}`, 0);
}

/** The library's errors hold a summary and a range; remedies are ours. */
function translated(error: unknown): ExpressionError {
  const { summary, range, code, message } = error as {
    readonly summary?: string;
    readonly range?: { readonly start: number };
    readonly code?: string;
    readonly message: string;
  };
  const remedy =
    code === 'incompatible_ternary_branches'
      ? '; write 1.0 for a number beside doubles'
      : code === 'limit_exceeded'
        ? '; split the rule into several'
        : '';
  return new ExpressionError(`${summary ?? message}${remedy}`, range?.start ?? 0, { cause: error });
}
