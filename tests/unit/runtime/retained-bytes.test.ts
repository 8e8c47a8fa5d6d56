import { describe, expect, it } from 'vitest';
import { retainedBytes } from '#runtime';

describe('the account of what a value holds', () => {
  it.each([
    ['nothing beyond its place', 7, 0],
    ['nothing beyond its place', true, 0],
    ['nothing beyond its place', null, 0],
    ['a number of its own', 0.5, 16],
    ['its characters, in whole words', 'a'.repeat(64), 80],
    ['its head and a place for each property', { a: 1, b: true }, 40],
    ['what its properties hold', { a: 'abc', b: { c: 0.5 } }, 24 + 16 + 24 + (24 + 8 + 16)],
    ['its head, its elements and their places', ['abc', 1], 48 + 16 + 24],
  ])('counts %s', (_what, value, bytes) => {
    expect(retainedBytes(value)).toBe(bytes);
  });
});
