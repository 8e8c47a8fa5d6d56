// A screen that is drawn anew in place: on the terminal's alternate screen, so that what was there before comes back when
// it ends. Plain ANSI, line by line, without a flicker.
import type { OutputStream } from './terminal.ts';

const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const END_OF_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

/** A text in pieces: a style, which takes no room, or one character. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: a style begins with a control character.
const PIECE = /\u001b\[\d{1,2}m|./gsu;

export class LiveScreen implements Disposable {
  readonly #stream: OutputStream;
  #isOpen = false;

  constructor(stream: OutputStream) {
    this.#stream = stream;
  }

  /** Shows these lines and nothing else; what does not fit is cut off, and the last line then says how much. */
  draw(lines: readonly string[]): void {
    const { columns = 80, rows = 24 } = this.#stream;
    const shown =
      lines.length < rows
        ? lines
        : [
            ...lines.slice(0, rows - 2),
            `… ${lines.length - rows + 2} more lines; a larger window shows them`,
          ];
    const body = shown.map((line) => `${cut(line, columns)}${END_OF_LINE}\n`).join('');
    this.#stream.write(`${this.#isOpen ? '' : ENTER}${HOME}${body}${CLEAR_BELOW}`);
    this.#isOpen = true;
  }

  /** Gives the terminal back as it was. */
  [Symbol.dispose](): void {
    if (this.#isOpen) this.#stream.write(LEAVE);
    this.#isOpen = false;
  }
}

/** The first `columns` characters of a line, with all of its styles. */
function cut(line: string, columns: number): string {
  let room = columns;
  let kept = '';
  for (const [piece] of line.matchAll(PIECE)) {
    if (piece.length > 1 && piece.startsWith('\u001b')) kept += piece;
    else if (room-- > 0) kept += piece;
  }
  return kept;
}
