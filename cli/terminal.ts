// What commands print: lines, tables, JSON, a progress line and errors. Results go to standard output, everything
// else to standard error, so that output can be piped; colours and rewriting only where a terminal reads.
import type { Clock } from '#runtime';
import { type ExitCode, failureOf } from './exit-code.ts';
import { LiveScreen } from './live-screen.ts';

/** The part of a writable stream that is needed here; `process.stdout` is one. */
export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** One column of a table. */
export interface Column {
  readonly title: string;
  /** Default `left`; numbers read better on the `right`. */
  readonly align?: 'left' | 'right';
}

/** A text style; without colours it does nothing. */
export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow';

const STYLE_CODES: Readonly<Record<Style, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
};

/** How often a progress line is written where it cannot be rewritten in place, in ms. */
const PROGRESS_INTERVAL_MS = 5000;
/** How often it is rewritten on a terminal, in ms. */
const REWRITE_INTERVAL_MS = 100;

/** Prints for one command. */
export class Terminal {
  readonly #stdout: OutputStream;
  readonly #stderr: OutputStream;
  readonly #clock: Clock;
  readonly #env: Readonly<Record<string, string | undefined>>;
  /** Whether the user asked for JSON: commands then print one value by `printJson` and nothing else to stdout. */
  readonly json: boolean;

  constructor(options: {
    readonly stdout: OutputStream;
    readonly stderr: OutputStream;
    readonly clock: Clock;
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly json?: boolean;
  }) {
    this.#stdout = options.stdout;
    this.#stderr = options.stderr;
    this.#clock = options.clock;
    this.#env = options.env;
    this.json = options.json ?? false;
  }

  /** Prints a line of the result; what strangers wrote in it cannot command the terminal. */
  print(line = ''): void {
    this.#stdout.write(`${harmless(line)}\n`);
  }

  /** Prints a remark that is no part of the result. */
  note(line: string): void {
    this.#stderr.write(`${harmless(line)}\n`);
  }

  /** Prints one JSON value: indented for a terminal, on one line otherwise. */
  printJson(value: unknown): void {
    this.print(JSON.stringify(value, undefined, this.#stdout.isTTY === true ? 2 : undefined));
  }

  /** Prints one JSON value on a line of its own, whoever reads: for output that goes on. */
  printJsonLine(value: unknown): void {
    this.print(JSON.stringify(value));
  }

  /** A screen on standard output that is drawn anew in place; undefined where no terminal reads, or JSON was asked for. */
  liveScreen(): LiveScreen | undefined {
    return this.json || this.#stdout.isTTY !== true ? undefined : new LiveScreen(this.#stdout);
  }

  /** Prints the value as JSON when asked for, else what `human` prints. */
  show(value: unknown, human: () => void): void {
    if (this.json) this.printJson(value);
    else human();
  }

  /** Prints rows under titles, each column as wide as its widest cell. */
  table(columns: readonly Column[], rows: readonly (readonly (string | number)[])[]): void {
    for (const [index, line] of formatTable(columns, rows).entries()) {
      this.print(index === 0 ? this.style('bold', line) : line);
    }
  }

  /** The text in a style, if standard output shows styles. */
  style(style: Style, text: string): string {
    return this.#showsStyles(this.#stdout) ? paint(style, text) : text;
  }

  /** A progress line on standard error; the caller ends it with `done`. */
  progress(): ProgressLine {
    return new ProgressLine(this.#stderr, this.#clock);
  }

  /** Prints an error: what was wrong, then what to do. Returns the exit code for it. */
  fail(error: unknown): ExitCode {
    const { code, exitCode, message, remedy } = failureOf(error);
    if (this.json) {
      this.#stderr.write(`${harmless(JSON.stringify({ error: code, message, remedy }))}\n`);
    } else {
      const label = this.#showsStyles(this.#stderr) ? paint('red', 'error') : 'error';
      const separator = message.includes('\n') ? '\n' : ' ';
      this.#stderr.write(`${label} ${code}:${separator}${harmless(message)}\n${remedy}\n`);
    }
    const wantsStack = (this.#env.TROUPE_DEBUG ?? '') !== '';
    if (wantsStack && error instanceof Error) this.#stderr.write(`${describeStack(error)}\n`);
    return exitCode;
  }

  #showsStyles(stream: OutputStream): boolean {
    return stream.isTTY === true && (this.#env.NO_COLOR ?? '') === '' && this.#env.TERM !== 'dumb';
  }
}

function describeStack(error: Error): string {
  const stack = error.stack ?? error.message;
  return error.cause instanceof Error ? `${stack}\ncaused by ${describeStack(error.cause)}` : stack;
}

/** Our own styles, or a character that a terminal obeys: control characters, and those that turn the order of text. */
const OBEYED =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this finds.
  /\u001b\[\d{1,2}m|[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** The text with such characters written as `\\u001b`, which is how JSON writes them, too. */
export function harmless(text: string): string {
  return text.replace(OBEYED, (found) =>
    found.length > 1 ? found : `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function paint(style: Style, text: string): string {
  const [on, off] = STYLE_CODES[style];
  return `\u001b[${on}m${text}\u001b[${off}m`;
}

/** The lines of a table, titles first; no line ends in blanks. */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly (string | number)[])[],
): readonly string[] {
  const lines = [columns.map((column) => column.title), ...rows.map((row) => row.map(String))];
  const widths = columns.map((_, index) => Math.max(...lines.map((cells) => (cells[index] ?? '').length)));
  return lines.map((cells) =>
    columns
      .map((column, index) => {
        const cell = cells[index] ?? '';
        const width = widths[index] ?? 0;
        return column.align === 'right' ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
}

/** One line that tells how far a long task is: rewritten in place on a terminal, else repeated every 5 s. */
export class ProgressLine {
  readonly #stream: OutputStream;
  readonly #clock: Clock;
  #shown = '';
  #lastMs: number | undefined;

  constructor(stream: OutputStream, clock: Clock) {
    this.#stream = stream;
    this.#clock = clock;
  }

  /** Shows the text, unless the last one was shown too short a time ago. */
  update(text: string): void {
    const nowMs = this.#clock.monotonicMs();
    const interval = this.#stream.isTTY === true ? REWRITE_INTERVAL_MS : PROGRESS_INTERVAL_MS;
    if (this.#lastMs !== undefined && nowMs - this.#lastMs < interval) return;
    this.#lastMs = nowMs;
    this.#write(text);
  }

  /** Shows the last text, always, and ends the line. */
  done(text: string): void {
    if (this.#stream.isTTY === true) {
      this.#write(text);
      this.#stream.write('\n');
    } else if (text !== this.#shown) {
      this.#write(text);
    }
    this.#shown = '';
    this.#lastMs = undefined;
  }

  #write(shown: string): void {
    const text = harmless(shown);
    if (this.#stream.isTTY === true) {
      const room = Math.max(10, (this.#stream.columns ?? 80) - 1);
      this.#stream.write(`\r\u001b[2K${text.slice(0, room)}`);
    } else {
      this.#stream.write(`${text}\n`);
    }
    this.#shown = text;
  }
}
