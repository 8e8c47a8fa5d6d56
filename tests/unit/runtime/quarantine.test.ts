import { describe, expect, it } from 'vitest';
import {
  ActorEnded,
  type Attempt,
  Quarantined,
  ThreadCrashed,
  ThreadTimeout,
  withQuarantine,
} from '#runtime';

const exited = new ThreadCrashed('t', 'exit', 'exited with code 3');
const late = new ThreadTimeout('t', 100);

/** Attempts that end as given, in order, and where each of them ran. */
function attempts(...ends: readonly (Error | string)[]) {
  const ran: string[] = [];
  const attempt: Attempt<string> = async (where) => {
    const end = ends[ran.length] ?? new Error('one attempt too many');
    ran.push(where);
    if (end instanceof Error) throw end;
    return end;
  };
  return { attempt, ran };
}

describe('quarantine', () => {
  it.each([exited, late, new ActorEnded('t')])(
    'tries a request alone that ended its thread: $name',
    async (end) => {
      const { attempt, ran } = attempts(end, 'good');
      expect(await withQuarantine(attempt)).toBe('good');
      expect(ran).toEqual(['shared', 'alone']);
    },
  );

  it('ends after three attempts, or as many as it is told, with what the last one ended of', async () => {
    const three = attempts(exited, exited, late);
    const end = await withQuarantine(three.attempt).catch((error: unknown) => error);
    expect(end).toBeInstanceOf(Quarantined);
    expect(end).toMatchObject({ attempts: 3, cause: late, failureClass: 'permanent' });
    expect(three.ran).toEqual(['shared', 'alone', 'alone']);
    const one = attempts(exited);
    await expect(withQuarantine(one.attempt, 1)).rejects.toMatchObject({ attempts: 1, cause: exited });
    expect(one.ran).toEqual(['shared']);
  });

  it('passes on at once what left its thread alive', async () => {
    const refused = new RangeError('refused');
    await expect(withQuarantine(attempts(refused).attempt)).rejects.toBe(refused);
    await expect(withQuarantine(attempts(exited, refused).attempt)).rejects.toBe(refused);
  });
});
