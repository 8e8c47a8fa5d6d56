// What the status of an answer means for the item.
import { describe, expect, it } from 'vitest';
import { failureOfStatus, parseRetryAfter } from '../../../actors/sources/http-answer.ts';

const wallMs = Date.parse('2026-01-31T12:00:00Z');

describe('a status', () => {
  it.each([
    [404, 'ItemFailure', 'not_found'],
    [410, 'ItemFailure', 'not_found'],
    [401, 'ItemFailure', 'access_denied'],
    [403, 'ItemFailure', 'access_denied'],
    [451, 'ItemFailure', 'access_denied'],
    [400, 'ItemFailure', 'fetch_failed'],
    [204, 'ItemFailure', 'fetch_failed'],
    [206, 'ItemFailure', 'fetch_failed'],
    [408, 'PassingFailure', 'fetch_failed'],
    [429, 'PassingFailure', 'fetch_failed'],
    [500, 'PassingFailure', 'fetch_failed'],
    [503, 'PassingFailure', 'fetch_failed'],
  ])('%i is %s %s', (status, name, code) => {
    expect(failureOfStatus(status, 'http://a', { wallMs })).toMatchObject({ name, code });
  });

  it('that passes says how long to wait, at most 30 s', () => {
    const retryAfter = (value?: string) => failureOfStatus(503, 'http://a', { retryAfter: value, wallMs });
    expect(retryAfter('2')).toMatchObject({ retryAfterMs: 2_000 });
    expect(retryAfter('86400')).toMatchObject({ retryAfterMs: 30_000 });
    expect(retryAfter()).toMatchObject({ retryAfterMs: 0 });
  });
});

describe('Retry-After', () => {
  it.each([
    ['0', 0],
    ['7', 7_000],
    ['Sat, 31 Jan 2026 12:00:05 GMT', 5_000],
    ['Sat, 31 Jan 2026 11:00:00 GMT', 0],
    ['soon', undefined],
    ['', undefined],
  ])('%s is %s ms', (header, ms) => {
    expect(parseRetryAfter(header, wallMs)).toBe(ms);
  });
});
