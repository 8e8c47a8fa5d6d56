// Which items are good enough, and which may be in the dataset at all: weights and thresholds of the score, and
// conditions in CEL. Every expression is compiled when the configuration is read, so that a mistake has a place.
import { z } from 'zod';
import { IMAGE_SIGNALS } from '../image/signal-catalogue.ts';
import { ExpressionError } from '../rules/expression-error.ts';
import { type ExpressionScope, RuleLanguage } from '../rules/rule-language.ts';

const MAX_RULES = 100;
const NAME = /^[a-z][a-z0-9-]{0,63}$/;
const NAME_MESSAGE = 'a name of 1 to 64 characters from a-z, 0-9 and -, starting with a letter';

let language: RuleLanguage | undefined;

/** The language over the signals of images, made when it is first needed. */
function imageLanguage(): RuleLanguage {
  language ??= new RuleLanguage(IMAGE_SIGNALS);
  return language;
}

function compiled(compile: (text: string) => unknown) {
  return z.string().superRefine((text, context) => {
    try {
      compile(text);
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      const { message, position, unknown } = error;
      context.addIssue({
        code: 'custom',
        message: `a valid CEL expression (character ${position + 1}: ${message})`,
        params: { position, ...unknown },
      });
    }
  });
}

const condition = (scope: ExpressionScope) => compiled((text) => imageLanguage().condition(text, scope));
const number = () => compiled((text) => imageLanguage().number(text));
const fraction = () => z.number().min(0).max(1);
const amount = () => z.number().min(0).max(1000);

const name = () =>
  z
    .string()
    .regex(NAME, { error: NAME_MESSAGE })
    .describe('Name of the rule, once in the dataset. Reasons give it as `rule.NAME`.');

const when = (scope: ExpressionScope) =>
  condition(scope).describe(
    scope === 'item'
      ? 'CEL expression over `signals`, `metadata`, `source`, `time`, `mediaType` and `byteLength` that is true or false.'
      : 'CEL expression over `metadata`, `source` and `time` that is true or false.',
  );

const rejectRule = z.strictObject({
  name: name(),
  when: when('item'),
  reason: z
    .string()
    .min(1)
    .max(500)
    .optional()
    .describe('Why, in words for people; `troupe explain` shows it. It decides nothing.'),
});
const flagRule = z.strictObject({ name: name(), when: when('item') });
const refuseRule = z.strictObject({ name: name(), when: when('origin') });
const complianceRule = z.strictObject({
  name: name(),
  when: when('item'),
  action: z
    .enum(['reject', 'flag', 'review'])
    .describe(
      'What becomes of an item for which it holds. One for which it cannot be evaluated goes to review, whatever stands here: nobody knows that it may stay.',
    ),
});

/** A contribution that has a default: changing one of its fields leaves the other. */
const known = (weight: number, value: string) =>
  z.strictObject({
    weight: amount().default(weight).describe('Weight beside those of the others; 0 leaves it out.'),
    value: number()
      .default(value)
      .describe('CEL expression that gives the contribution; it is held within 0 to 1.'),
  });

const weightsSchema = z
  .object({
    resolution: known(0.3, 'sqrt(signals.effectiveWidth * signals.effectiveHeight) / 512.0')
      .prefault({})
      .describe('The effective resolution; 512 by 512 pixels and more count in full.'),
    sharpness: known(0.4, 'log1p(signals.sharpness) / log1p(500.0)')
      .prefault({})
      .describe('The sharpness, by its logarithm; 500 and more count in full.'),
    entropy: known(0.3, 'signals.entropy / 6.0')
      .prefault({})
      .describe(
        'The entropy of the luminance, which is near 0 for flat images; 6 bits and more count in full.',
      ),
  })
  .catchall(
    z.strictObject({
      weight: amount().default(1).describe('Weight beside those of the others; 0 leaves it out.'),
      value: number().describe('CEL expression that gives the contribution; it is held within 0 to 1.'),
    }),
  )
  .superRefine((weights, context) => {
    for (const [weight] of Object.entries(weights)) {
      if (!NAME.test(weight))
        context.addIssue({ code: 'custom', message: `under weights ${NAME_MESSAGE}`, path: [weight] });
    }
    if (Object.values(weights).every(({ weight }) => weight === 0)) {
      context.addIssue({ code: 'custom', message: 'weights of which at least one is above 0' });
    }
  });

/** The strict schema of a dataset's `rules`. */
export const rulesSchema = z
  .strictObject({
    version: z.literal(1).default(1).describe('Version of this format of rules.'),
    weights: weightsSchema
      .prefault({})
      .describe(
        'Contributions to the score by name; the score is their weighted mean, from 0 to 1. Three are there already; others may stand beside them, each as `NAME: { weight, value }`.',
      ),
    keepAt: fraction()
      .default(0.5)
      .describe('Score from which an item is eligible. Between `rejectBelow` and this it goes to review.'),
    rejectBelow: fraction()
      .default(0.35)
      .describe(
        'Score below which an item is rejected. At most `keepAt`; equal to it leaves no review band.',
      ),
    refuse: z
      .array(refuseRule)
      .max(MAX_RULES)
      .default([])
      .describe(
        'Rules that reject an item before its content is fetched or decoded, by what its publisher says of it. What was refused is not read again when the rule goes.',
      ),
    reject: z
      .array(rejectRule)
      .max(MAX_RULES)
      .default([])
      .describe('Rules that reject an item whatever its score.'),
    flag: z
      .array(flagRule)
      .max(MAX_RULES)
      .default([])
      .describe(
        'Rules that mark an item: it is kept, with the name of the rule on record, but loses to an unflagged duplicate.',
      ),
    compliance: z
      .array(complianceRule)
      .max(MAX_RULES)
      .default([])
      .describe('Rules about what may be in the dataset at all: licences, consent, places, persons.'),
  })
  .superRefine((rules, context) => {
    if (rules.rejectBelow > rules.keepAt) {
      context.addIssue({ code: 'custom', message: 'at most keepAt', path: ['rejectBelow'] });
    }
    const seen = new Set(Object.keys(rules.weights));
    for (const list of ['refuse', 'reject', 'flag', 'compliance'] as const) {
      for (const [at, rule] of rules[list].entries()) {
        if (seen.has(rule.name)) {
          const message = 'a name that no other rule or weight of the dataset has';
          context.addIssue({ code: 'custom', message, path: [list, at, 'name'] });
        }
        seen.add(rule.name);
      }
    }
  });

/** The rules of a dataset with every default filled in. */
export type RulesConfig = z.output<typeof rulesSchema>;

/** The rules without what is meant for people only. */
export function decidingRules(rules: RulesConfig): RulesConfig {
  return {
    ...rules,
    reject: rules.reject.map(({ name: rule, when: holds }) => ({ name: rule, when: holds })),
  };
}

/** What the rules say for people, by the reason that names the rule. */
export function reasonTexts(rules: RulesConfig): ReadonlyMap<string, string> {
  return new Map(
    rules.reject.flatMap(({ name: rule, reason }) =>
      reason === undefined ? [] : [[`rule.${rule}`, reason] as const],
    ),
  );
}
