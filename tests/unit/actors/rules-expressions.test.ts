// The language of rules: what it allows, what it refuses when the configuration is loaded, and that no expression,
// however hostile, takes long or gives another answer elsewhere.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IMAGE_SIGNALS } from '../../../actors/image/signal-catalogue.ts';
import { ExpressionError } from '../../../actors/rules/expression-error.ts';
import { originValues, signalValues } from '../../../actors/rules/expression-values.ts';
import { RuleLanguage } from '../../../actors/rules/rule-language.ts';
import { ConfigError, parseConfig } from '../../../cli/config/index.ts';

const language = new RuleLanguage(IMAGE_SIGNALS);

const values = {
  ...originValues({
    source: 'crawl-7',
    time: '2020-05-06T07:08:09.000Z',
    metadata: {
      n: 1,
      s: 'Abc',
      list: [1, 2, 'x'],
      map: { none: null, constructor: 'q' },
      constructor: { a: 1 },
    },
  }),
  signals: signalValues(
    { width: 640, height: 480, animated: false, colourMode: 'rgb', captureTime: 1_577_836_800 },
    IMAGE_SIGNALS,
  ),
  mediaType: 'image/jpeg',
  byteLength: 1000,
};

const holds = (text: string): boolean | undefined => language.condition(text, 'item').evaluate(values);
const numberOf = (text: string): number | undefined => language.number(text).evaluate(values);

function refusal(text: string, scope: 'item' | 'origin' = 'item'): ExpressionError {
  try {
    language.condition(text, scope);
  } catch (error) {
    if (error instanceof ExpressionError) return error;
    throw error;
  }
  throw new Error(`expected a refusal of ${text}`);
}

describe('an expression', () => {
  it.each([
    ['signals.width == 640 && 640 == signals.width && signals.width != 641', true],
    ['signals.width / signals.height > 1.3', true],
    ['byteLength * 8 / (signals.width * signals.height) < 1', true],
    ['has(signals.jpegQuality)', false],
    ['signals.jpegQuality > 3', undefined],
    ['signals.captureTime == timestamp("2020-01-01T00:00:00Z")', true],
    ['time - signals.captureTime > duration("24h")', true],
    ['time.getFullYear() == 2020 && time.getMonth() == 4 && time.getDate() == 6', true],
    ['metadata.n == 1 && metadata.n == 1.0 && metadata.n < 1.5', true],
    ['metadata.n == "1"', false],
    ['metadata.absent > 1', undefined],
    ['has(metadata.absent) && metadata.absent > 1', false],
    ['metadata.absent > 1 || true', true],
    ['has(metadata.map.none) && metadata.map.none == null', true],
    ['has(metadata.toString) || "toString" in metadata', false],
    ['metadata.constructor.a == 1 && metadata.map.constructor == "q"', true],
    ['"x" in metadata.list && 2 in metadata.list', true],
    ['metadata.list.filter(m, m != "x").size() == 2', true],
    ['metadata.map.exists(key, key == "none")', true],
    ['metadata.s.lowerAscii().glob("a?c") && source.glob("crawl-*")', true],
    ['mediaType in ["image/jpeg", "image/png"]', true],
    ['metadata.n > "x"', undefined],
    ['metadata.s', undefined],
  ])('%s is %j', (text, expected) => {
    expect(holds(text)).toBe(expected);
  });

  it.each([
    ['signals.width / 1000', 0.64],
    ['max(0.2, min(1, signals.width / 1280))', 0.5],
    ['signals.animated ? 1.0 : 0.0', 0],
    ['sqrt(16) + abs(-1) + ln(1.0) + log1p(0)', 5],
    ['2', 2],
    ['1 / 0', undefined],
    ['1.0 / 0.0', undefined],
    ['sqrt(-1.0)', undefined],
    ['metadata.s', undefined],
  ])('%s gives %j', (text, expected) => {
    expect(numberOf(text)).toBe(expected);
  });

  it('gives the same for the same values, time after time', () => {
    const condition = language.condition('metadata.list.exists(m, m == "x") && signals.width > 1', 'item');
    for (let time = 0; time < 100; time += 1) expect(condition.evaluate(values)).toBe(true);
  });

  it.each([
    [
      'sgnals.width > 1',
      0,
      'unknown variable sgnals; there are byteLength, mediaType, metadata, signals, source, time',
    ],
    ['1 < signals.wdth', 12, 'unknown signal wdth'],
    ['has(signals.wdth)', 12, 'unknown signal wdth'],
    ['signals["wdth"] > 1', 8, 'unknown signal wdth'],
    ['signals.width +', 15, 'Unexpected token: EOF'],
    ['signals.width', 0, 'it gives double, where true or false is needed'],
    ['signals.width > "x"', 0, 'no such overload: double > string'],
    ['signals.animated > 1', 0, 'no such overload: bool > int'],
    ['signals.captureTime > 1', 0, 'no such overload'],
    ['true ? 1 : 0.5', 0, 'write 1.0'],
    ['source.matches("a+")', 0, 'no method matches: regular expressions can take for ever; write glob'],
    ['metadata.l.map(x, x).size() > 0', 0, 'no method map: write filter, exists or all'],
    ['cel.bind(x, 1, x > 0)', 0, 'no method bind'],
    ['metadata.s.split("").size() > 0', 0, 'no method split'],
    ['now() > time', 0, 'no function now'],
    ['type(1) == int', 0, 'no function type'],
    ['google.protobuf == 1', 0, 'unknown variable google'],
    ['timestamp("Jan 15 2024 14:30:45") > time', 0, 'timestamp takes a text such as'],
    ['timestamp(metadata.s) > time', 0, 'timestamp takes a text such as'],
    ['time.getHours("Asia/Tokyo") > 1', 0, 'takes no time zone'],
    ['metadata.a.all(x, metadata.a.all(y, x == y))', 18, 'a loop stands within a loop'],
    ['metadata.a.all(time, time == 1)', 0, 'time is a variable already'],
    ['', 0, 'Unexpected token'],
  ])('%j is refused at character %d', (text, position, message) => {
    expect(refusal(text)).toMatchObject({ position, message: expect.stringContaining(message) });
  });

  it('that is evaluated before a fetch knows nothing of the content', () => {
    expect(refusal('signals.width > 1', 'origin').message).toContain('there are metadata, source, time');
    expect(refusal('byteLength > 1', 'origin').message).toContain('there are metadata, source, time');
    expect(language.condition('source == "a" || has(metadata.b)', 'origin').readsMetadata).toBe(true);
  });
});

describe('a hostile expression', () => {
  it.each([
    ['too long', `"${'x'.repeat(2000)}" == source`],
    ['nested in brackets', `${'('.repeat(500)}true${')'.repeat(500)}`],
    ['nested in lists', '['.repeat(1900)],
    ['a chain of negations', `${'!'.repeat(1900)}true`],
    ['a chain of signs', `${'-'.repeat(1900)}1 > 0`],
    ['too wide', `true${' || true'.repeat(200)}`],
    ['a long list', `1 in [${'1,'.repeat(900)}1]`],
    ['a regular expression', '"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!".matches("(a+)+$")'],
    ['a control character', 'source == "\u0000\u0001'],
  ])('is refused: %s', (_what, text) => {
    expect(refusal(text)).toBeInstanceOf(ExpressionError);
  });

  it('of any text is compiled or refused with a place within it, never anything else', () => {
    const piece = fc.constantFrom(
      ...[
        'signals',
        '.width',
        'metadata',
        '.a',
        '[',
        ']',
        '(',
        ')',
        '{',
        '}',
        '"',
        "'",
        '\\',
        ',',
        ':',
        '?',
        '!',
      ],
      ...[
        ' && ',
        ' || ',
        ' in ',
        '-',
        '+',
        '/',
        '%',
        '1',
        '1.5',
        '0x',
        'b"',
        'r"',
        'null',
        'has(',
        '.all(x,',
        '.exists(',
      ],
      ...[
        'timestamp(',
        'duration("1h")',
        '__proto__',
        'constructor',
        '\n',
        '//',
        '\u{1f600}',
        '9'.repeat(30),
        'u',
      ],
    );
    const text = fc.oneof(
      fc.array(piece, { maxLength: 30 }).map((parts) => parts.join('')),
      fc.string(),
    );
    fc.assert(
      fc.property(text, (written) => {
        try {
          const found = language.condition(written, 'item').evaluate(values);
          expect([true, false, undefined]).toContain(found);
        } catch (error) {
          if (!(error instanceof ExpressionError)) throw error;
          expect(error.position).toBeGreaterThanOrEqual(0);
          expect(error.position).toBeLessThanOrEqual(written.length);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('over hostile metadata stays within what was asked: no prototype, no growth, no exception', () => {
    const condition = language.condition(
      'metadata.exists(k, k in metadata && metadata[k] == metadata) || metadata.a.b.c == 1',
      'item',
    );
    const hostile = fc.dictionary(
      fc.constantFrom('a', '__proto__', 'constructor', 'prototype', 'toString', 'size', 'get'),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(hostile, (metadata) => {
        const seen = { ...values, ...originValues({ source: '', time: null, metadata }) };
        expect([true, false, undefined]).toContain(condition.evaluate(seen));
      }),
    );
  });
});

describe('rules in troupe.yaml', () => {
  function problemsOf(lines: readonly string[], env: Record<string, string> = {}): readonly string[] {
    const text = ['datasets:', '  photos:', '    rules:', ...lines.map((line) => `      ${line}`)].join('\n');
    try {
      parseConfig({ text, place: 'troupe.yaml', env });
      return [];
    } catch (error) {
      if (error instanceof ConfigError) return error.message.split('\n');
      throw error;
    }
  }

  it('are checked when loaded: every problem at once, each with the line and column of its cause', () => {
    const problems = problemsOf([
      'weights:',
      '  sharpness: { value: signals.sharpnes / 500 }',
      '  faces:',
      '    value: signals.animated',
      'refuse:',
      '  - { name: early, when: signals.width > 1 }',
      'reject:',
      '  - name: quoted',
      '    when: "source == 1"',
      '  - name: block',
      '    when: |',
      '      source == "a" ||',
      '      signal.width > 1',
      '  - name: folded',
      '    when: >',
      '      source == "a" ||',
      '      sorce == "b"',
      'compliance:',
      '  - { name: where, when: has(metadata.country), action: drop }',
    ]);
    expect(problems).toEqual([
      expect.stringMatching(
        /^troupe\.yaml:5:37 datasets\.photos\.rules\.weights\.sharpness\.value: expected a valid CEL expression \(character 9: unknown signal sharpnes; .*\), got "signals\.sharpnes \/ 500" \(did you mean sharpness\?\)$/,
      ),
      expect.stringMatching(
        /^troupe\.yaml:7:18 .*weights\.faces\.value: .*it gives bool, where a number is needed/,
      ),
      expect.stringMatching(
        /^troupe\.yaml:9:32 .*refuse\.0\.when: .*unknown variable signals; there are metadata/,
      ),
      expect.stringMatching(/^troupe\.yaml:12:18 .*reject\.0\.when: .*no such overload: string == int/),
      expect.stringMatching(
        /^troupe\.yaml:16:13 .*reject\.1\.when: .*unknown variable signal;.*\(did you mean signals\?\)$/,
      ),
      expect.stringMatching(/^troupe\.yaml:18:17 .*reject\.2\.when: .*character 18: unknown variable sorce/),
      expect.stringMatching(
        /^troupe\.yaml:22:63 .*compliance\.0\.action: expected one of reject, flag, review, got "drop"$/,
      ),
    ]);
  });

  it('have names that are theirs alone, also beside the weights', () => {
    const problems = problemsOf([
      'weights: { faces: { value: "1.0" }, Faces: { value: "1.0" } }',
      'reject:',
      '  - { name: faces, when: "true" }',
      '  - { name: small, when: "true" }',
      'flag:',
      '  - { name: small, when: "true" }',
      '  - { name: Not good, when: "true" }',
    ]);
    expect(problems.map((problem) => problem.split(' ')[0])).toEqual([
      'troupe.yaml:4:50',
      'troupe.yaml:6:19',
      'troupe.yaml:9:19',
      'troupe.yaml:10:19',
    ]);
  });

  it('can be overridden from the environment, weights by name and lists as YAML', () => {
    const { config } = parseConfig({
      place: 'troupe.yaml',
      env: {
        TROUPE_DATASETS__PHOTOS__RULES__KEEP_AT: '0.7',
        TROUPE_DATASETS__PHOTOS__RULES__WEIGHTS__SHARPNESS__WEIGHT: '0.9',
        TROUPE_DATASETS__PHOTOS__RULES__REJECT: '[{ name: small, when: signals.width < 100 }]',
      },
    });
    expect(config.datasets.photos?.rules).toMatchObject({
      keepAt: 0.7,
      weights: { sharpness: { weight: 0.9, value: 'log1p(signals.sharpness) / log1p(500.0)' } },
      reject: [{ name: 'small', when: 'signals.width < 100' }],
    });
    expect(
      problemsOf([], {
        TROUPE_DATASETS__PHOTOS__RULES__REJECT: '[{ name: small, when: signals.wdth < 100 }]',
      }),
    ).toEqual([
      expect.stringMatching(
        /^TROUPE_DATASETS__PHOTOS__RULES__REJECT .*unknown signal wdth.*did you mean width/,
      ),
    ]);
  });
});
