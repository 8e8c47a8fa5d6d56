// docs/rules.md says what the program does: its examples are judged, its mistakes are made, its lists are compared.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { imageKind } from '../../../actors/image/kind.ts';
import { IMAGE_SIGNALS } from '../../../actors/image/signal-catalogue.ts';
import { FUNCTIONS, METHODS } from '../../../actors/rules/expression-check.ts';
import { judge } from '../../../actors/rules/judge.ts';
import { judgingContext } from '../../../actors/rules/judging-context.ts';
import { MAX_EXPRESSION_LENGTH, RuleLanguage } from '../../../actors/rules/rule-language.ts';
import { ConfigError, parseConfig } from '../../../cli/config/index.ts';
import { MEMORY_MODEL } from '../../support/memory-ports.ts';

const text = readFileSync(new URL('../../../docs/rules.md', import.meta.url), 'utf8');

const blocks = (language: string): readonly string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
    ([, body = '']) => body,
  );

const section = (heading: string): string => text.split(`${heading}\n`)[1]?.split(/\n##+ /)[0] ?? '';

const itemSchema = z.object({
  source: z.string(),
  time: z.string(),
  metadata: z.record(z.string(), z.unknown()),
  mediaType: z.string(),
  byteLength: z.number(),
  signals: z.record(z.string(), z.union([z.number(), z.string(), z.boolean()])),
});

describe('docs/rules.md', () => {
  const [example = '', wrong = ''] = blocks('yaml');

  it('shows rules that load, and the judgement that they give', () => {
    const { config } = parseConfig({ text: example, place: 'troupe.yaml', env: {} });
    if (config.datasets.photos === undefined) throw new Error('the example has no dataset photos');
    const [shown = '', judgement = ''] = blocks('json');
    const { signals, mediaType, byteLength, ...origin } = itemSchema.parse(JSON.parse(shown));
    const facts = { content: '', hashes: {}, lowInformation: false, mediaType, byteLength, signals };
    const { rank: _, ...judged } = judge(
      { ...origin, facts },
      judgingContext(config.datasets.photos, imageKind, MEMORY_MODEL),
    );
    expect(judged).toEqual(JSON.parse(judgement));
  });

  it('shows mistakes with the very messages that they give', () => {
    let message = '';
    try {
      parseConfig({ text: wrong, place: 'troupe.yaml', env: {} });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      message = error.message;
    }
    expect(message).toBe(blocks('text')[0]?.trimEnd());
  });

  it('lists every signal with its type and meaning, and no other', () => {
    const types = { number: 'double', text: 'string', flag: 'bool', time: 'timestamp' } as const;
    const rows = Object.entries(IMAGE_SIGNALS).map(([name, description]) => {
      const optional = 'optional' in description ? ', optional' : '';
      return `| \`${name}\` | ${types[description.type]}${optional} | ${description.meaning} |`;
    });
    const listed = section('### Signals');
    expect(listed.split('\n').filter((line) => line.startsWith('| `'))).toEqual(rows);
  });

  it('lists every function and method, and no other', () => {
    const listed = section('### Operators, functions and methods');
    const cells = listed
      .split('\n')
      .flatMap((line) => (line.startsWith('| `') ? [line.split(' | ')[0] ?? ''] : []));
    const names = (pattern: RegExp) =>
      new Set(cells.flatMap((cell) => [...cell.matchAll(pattern)].map(([, name]) => name)));
    expect([...names(/`(\w+)\(/g)].sort()).toEqual([...FUNCTIONS].sort());
    expect([...names(/`\w+\.(\w+)\(/g)].sort()).toEqual([...METHODS].sort());
    expect(text).toContain(`${MAX_EXPRESSION_LENGTH.toLocaleString('en-US')}\ncharacters`);
  });

  it('gives recipes that are conditions', () => {
    const language = new RuleLanguage(IMAGE_SIGNALS);
    const recipes = [...section('## Recipes').matchAll(/^\| [^|`]+ \| `(.+)` \|$/gm)].map(([, recipe = '']) =>
      recipe.replaceAll('\\|', '|'),
    );
    expect(recipes.length).toBeGreaterThan(8);
    for (const recipe of recipes) expect(() => language.condition(recipe, 'item')).not.toThrow();
  });
});
