import { errors } from 'nats';
import { describe, expect, it } from 'vitest';
import { unlessClosed } from '../../../nats/closed-connection.ts';

function failsWith(error: Error): () => void {
  return () => {
    throw error;
  };
}

describe('what nobody misses', () => {
  it.each([
    { state: 'closed', error: new errors.ClosedConnectionError() },
    { state: 'drained', error: new errors.DrainingConnectionError() },
  ])('is lost without an error on a connection that is being $state', ({ error }) => {
    expect(() => unlessClosed(failsWith(error))).not.toThrow();
  });

  it('fails for any other reason', () => {
    expect(() => unlessClosed(failsWith(new RangeError('too large')))).toThrow(RangeError);
  });
});
