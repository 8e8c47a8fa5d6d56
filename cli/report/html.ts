// Markup that cannot be injected into: everything put into the `html` template is escaped unless it came out of the
// template itself. File names, ids, sources and metadata of strangers reach the report only through here.

/** Markup made by the `html` template; its text is safe to write. */
export class SafeHtml {
  readonly text: string;

  /** Only the template below makes these. */
  private constructor(text: string) {
    this.text = text;
  }

  static ofTemplate(strings: readonly string[], values: readonly HtmlValue[]): SafeHtml {
    let text = strings[0] ?? '';
    for (const [at, value] of values.entries()) text += textOf(value) + (strings[at + 1] ?? '');
    return new SafeHtml(text);
  }

  toString(): string {
    return this.text;
  }
}

/** What may stand in a template: plain values are escaped; nothing is written for what is absent. */
export type HtmlValue = string | number | SafeHtml | readonly SafeHtml[] | null | undefined | false;

/** Markup from a template literal; attribute values in it must be quoted. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): SafeHtml {
  return SafeHtml.ofTemplate(strings, values);
}

function textOf(value: HtmlValue): string {
  if (value === null || value === undefined || value === false) return '';
  if (value instanceof SafeHtml) return value.text;
  if (typeof value === 'object') return value.map(({ text }) => text).join('');
  return escapeHtml(String(value));
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};

/**
 * Text for element content and quoted attributes. Control characters, lone surrogates and what turns the order of text
 * become U+FFFD.
 */
export function escapeHtml(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\P{Cc}\t\n]|\p{Bidi_Control}/gu, '\ufffd')
    .replace(/[&<>"'`]/g, (char) => ENTITIES[char] ?? '');
}
