// Which version of the message format a system writes, and who may take part.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CodecAgreement, FIRST_AGREEMENT, mayTakePart, nextAgreement } from '#supervision';

const old = { lowest: 1, highest: 1 };
const both = { lowest: 1, highest: 2 };
const far = { lowest: 1, highest: 4 };

describe('the message version of a system', () => {
  it('stays while a living node reads no newer one', () => {
    expect(nextAgreement(FIRST_AGREEMENT, [old, both])).toBeUndefined();
    expect(nextAgreement(FIRST_AGREEMENT, [])).toBeUndefined();
  });

  it('is announced before it is written, and is the highest that all read', () => {
    const announced = nextAgreement(FIRST_AGREEMENT, [both, far]);
    expect(announced).toEqual({ version: 1, next: 2 });
    expect(nextAgreement({ version: 1, next: 2 }, [both, far])).toEqual({ version: 2 });
    expect(nextAgreement({ version: 2 }, [both, far])).toBeUndefined();
  });

  it('is not written when somebody who had joined before cannot read what was announced', () => {
    expect(nextAgreement({ version: 1, next: 2 }, [both, old])).toEqual({ version: 1 });
  });

  it('lets nobody in who cannot read what is about to be written, or write what is written now', () => {
    expect(mayTakePart({ version: 1 }, old)).toBe(true);
    expect(mayTakePart({ version: 1, next: 2 }, old)).toBe(false);
    expect(mayTakePart({ version: 2 }, old)).toBe(false);
    expect(mayTakePart({ version: 1 }, { lowest: 2, highest: 3 })).toBe(false);
  });

  it('never goes back, and is read by all who were let in, whatever the order of joins, ends and steps', () => {
    type Step = { readonly type: 'join'; readonly highest: number } | { readonly type: 'end' | 'step' };
    const steps: fc.Arbitrary<readonly Step[]> = fc.array(
      fc.oneof(
        fc.record({ type: fc.constant('join' as const), highest: fc.integer({ min: 1, max: 3 }) }),
        fc.record({ type: fc.constantFrom('end' as const, 'step' as const) }),
      ),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(steps, (all) => {
        let agreed: CodecAgreement = FIRST_AGREEMENT;
        const living: { lowest: number; highest: number }[] = [];
        for (const step of all) {
          const { version } = agreed;
          if (step.type === 'join') {
            const range = { lowest: 1, highest: step.highest };
            if (mayTakePart(agreed, range)) living.push(range);
          } else if (step.type === 'end') living.shift();
          else agreed = nextAgreement(agreed, living) ?? agreed;
          expect(agreed.version).toBeGreaterThanOrEqual(version);
          for (const { highest } of living) expect(highest).toBeGreaterThanOrEqual(agreed.version);
        }
      }),
    );
  });
});
