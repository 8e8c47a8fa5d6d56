// The settings of circuit breakers: when a dependency that fails is left alone, and for how long.
import { z } from 'zod';

interface BreakerDefaults {
  readonly failures: number;
  readonly minOpenMs: number;
  readonly maxOpenMs: number;
}

/** Fields that all breakers have. */
export function breakerFields({ failures, minOpenMs, maxOpenMs }: BreakerDefaults) {
  const time = () => z.int().min(10).max(86_400_000);
  return {
    failures: z
      .int()
      .min(1)
      .max(1_000)
      .default(failures)
      .describe(
        'Failures in a row after which it is left alone. Fewer react sooner and take a hiccup for an outage.',
      ),
    minOpenMs: time()
      .default(minOpenMs)
      .describe(
        'How long in ms it is left alone the first time; then one call probes it. Each failed probe doubles it.',
      ),
    maxOpenMs: time()
      .default(maxOpenMs)
      .describe('Longest time in ms between two probes: how late a recovery may be noticed.'),
  };
}

/** @throws nothing; reports where the longest time is shorter than the first. */
export function checkOpenTimes(
  { minOpenMs, maxOpenMs }: { readonly minOpenMs: number; readonly maxOpenMs: number },
  context: z.RefinementCtx,
): void {
  if (maxOpenMs >= minOpenMs) return;
  context.addIssue({ code: 'custom', message: `at least minOpenMs (${minOpenMs})`, path: ['maxOpenMs'] });
}
