import { describe, expect, it } from 'vitest';
import type { ContentSource } from '../../../actors/pipeline/dataset-ports.ts';
import { SchemeSource } from '../../../actors/sources/scheme-source.ts';
import { admitAll } from '../../support/admit-all.ts';

const options = { maxBytes: 10, signal: new AbortController().signal, admit: admitAll };
const echo: ContentSource = { read: async (uri) => Buffer.from(uri) };
const source = new SchemeSource({ file: echo, obj: echo });

describe('references by scheme', () => {
  it.each([['file:///a.jpg'], ['FILE:///a.jpg'], ['obj://uploads/1']])('takes %s', async (uri) => {
    expect(Buffer.from(await source.read(uri, options)).toString()).toBe(uri);
  });

  it.each([
    ['http://169.254.169.254/latest/meta-data'],
    ['data:text/plain,hello'],
    ['__proto__:x'],
    ['constructor:x'],
    ['hasOwnProperty:x'],
    ['toString:x'],
    [' file:///a.jpg'],
    ['/etc/passwd'],
    ['file'],
    [''],
  ])('refuses %j by name of what is allowed', async (uri) => {
    await expect(source.read(uri, options)).rejects.toMatchObject({
      name: 'ItemFailure',
      code: 'source_not_allowed',
      message: expect.stringContaining('file:// or obj://'),
    });
  });
});
