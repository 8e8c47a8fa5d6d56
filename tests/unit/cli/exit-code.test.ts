// How an error of any part becomes what the user of a command reads: a code, words, and the exit code.
import { describe, expect, it } from 'vitest';
import { JetStreamRefused } from '#nats';
import { failureOf } from '../../../cli/exit-code.ts';

/** An error as Node throws it for a system call. */
function systemError(code: string, more: object = {}): Error {
  return Object.assign(new Error(`${code}: illegal operation`), { code, syscall: 'open', ...more });
}

describe('an error about a file', () => {
  it.each([
    ['EISDIR', 'it is a folder'],
    ['ENOENT', 'no such file'],
    ['EACCES', 'this user may not use it'],
    ['ENOSPC', 'the disk is full'],
  ])('is of whoever gave the path, not of the program: %s', (code, says) => {
    const failure = failureOf(systemError(code, { path: '/data/out.jsonl' }));
    expect(failure).toMatchObject({ code: 'file_unusable', exitCode: 2 });
    expect(failure.message).toMatch(/^expected .*, got \/data\/out\.jsonl: /);
    expect(failure.message).toContain(says);
  });

  it('is told without a path where the system names none', () => {
    const failure = failureOf(systemError('EISDIR', { syscall: 'read' }));
    expect(failure).toMatchObject({ code: 'file_unusable' });
    expect(failure.message).not.toContain('undefined');
  });

  it('is none where no system call failed, or another one did', () => {
    expect(failureOf(Object.assign(new Error('x'), { code: 'ENOENT' }))).toMatchObject({ code: 'internal' });
    expect(failureOf(systemError('ECONNREFUSED', { syscall: 'connect' }))).toMatchObject({
      code: 'internal',
    });
  });
});

describe('an error of the server', () => {
  it('that lacks the streams of a system means that no such system runs there', () => {
    const missing = [
      Object.assign(new Error('stream not found'), { name: 'StreamNotFoundError' }),
      new JetStreamRefused('reading KV_troupe-datasets', 10_059, 'stream not found'),
    ];
    for (const error of missing) {
      expect(failureOf(error)).toMatchObject({ code: 'no_running_system', exitCode: 3 });
      expect(failureOf(error).message).toMatch(/^expected a system on this server, found none/);
    }
    expect(failureOf(new JetStreamRefused('reading X', 10_052, 'other'))).toMatchObject({ code: 'internal' });
  });

  it('that has no JetStream has a code and a remedy of its own', () => {
    const error = Object.assign(new Error('no JetStream'), { name: 'JetStreamUnavailable' });
    expect(failureOf(error)).toMatchObject({ code: 'jetstream_unavailable', exitCode: 3 });
    expect(failureOf(error).remedy).toContain('-js');
  });
});
