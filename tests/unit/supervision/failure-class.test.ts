// What follows of each class of failure.

import { describe, expect, it } from 'vitest';
import { consequenceOf, failureClassOf } from '#supervision';

describe('failure classes', () => {
  it.each([
    ['transient', { action: 'retry', delay: 'backoff', adjust: 'nothing', countsAttempt: true }],
    ['resource', { action: 'retry', delay: 'backoff', adjust: 'smaller_batch', countsAttempt: true }],
    ['timeout', { action: 'retry', delay: 'backoff', adjust: 'longer_limit', countsAttempt: true }],
    ['recoverable', { action: 'retry', delay: 'long', adjust: 'nothing', countsAttempt: false }],
    ['permanent', { action: 'dead_letter' }],
    ['bug', { action: 'crash' }],
  ] as const)('%s has its consequence', (failureClass, consequence) => {
    expect(consequenceOf(failureClass)).toEqual(consequence);
  });

  it('takes the class that an error names', () => {
    expect(failureClassOf(Object.assign(new Error('disk full'), { failureClass: 'recoverable' }))).toBe(
      'recoverable',
    );
  });

  it('takes everything that names none, or an unknown one, for a bug', () => {
    const unknown = Object.assign(new Error('x'), { failureClass: 'odd' });
    expect([new Error('x'), 'thrown text', null, undefined, unknown].map(failureClassOf)).toEqual([
      'bug',
      'bug',
      'bug',
      'bug',
      'bug',
    ]);
  });
});
