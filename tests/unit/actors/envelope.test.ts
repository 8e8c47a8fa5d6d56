import { describe, expect, it } from 'vitest';
import { readEnvelope } from '../../../actors/pipeline/envelope.ts';
import { ItemFailure } from '../../../actors/pipeline/item-failure.ts';

const limits = { maxMetadataBytes: 1000, maxJsonDepth: 8 };
const message = (data: string | Uint8Array, headers: Record<string, string> = {}) => ({
  data: typeof data === 'string' ? Buffer.from(data) : data,
  header: (name: string) => headers[name],
});
const refusal = (data: string | Uint8Array, headers: Record<string, string> = {}) => {
  try {
    readEnvelope(message(data, headers), limits);
  } catch (error) {
    if (error instanceof ItemFailure) return error;
    throw error;
  }
  throw new Error('the envelope was accepted');
};

describe('an intake message', () => {
  it('of raw bytes takes id, source and time from its headers', () => {
    const envelope = readEnvelope(
      message('raw', {
        'Content-Type': 'image/jpeg',
        'Troupe-Id': 'a/b.jpg',
        'Troupe-Source': 'crawl',
        'Troupe-Time': '2026-01-31T12:00:00+01:00',
      }),
      limits,
    );
    expect(envelope).toMatchObject({ id: 'a/b.jpg', source: 'crawl', time: '2026-01-31T11:00:00.000Z' });
    expect(envelope.body).toEqual({ type: 'inline', bytes: Buffer.from('raw') });
  });

  it('of JSON is a reference, with or without a Content-Type', () => {
    const json = JSON.stringify({ uri: 'file:///x.jpg', id: 'x', metadata: { tag: 1 } });
    for (const headers of [{}, { 'Content-Type': 'application/json; charset=utf-8' }]) {
      expect(readEnvelope(message(json, headers), limits)).toMatchObject({
        id: 'x',
        source: 'default',
        body: { type: 'reference', uri: 'file:///x.jpg' },
      });
    }
  });

  it('has the same metadata digest for the same metadata in any member order', () => {
    const digest = (text: string) => readEnvelope(message(text), limits).metadataDigest;
    expect(digest('{"uri":"u","metadata":{"a":1,"b":{"c":2,"d":3}}}')).toBe(
      digest('{"metadata":{"b":{"d":3,"c":2},"a":1},"uri":"u"}'),
    );
  });

  it.each([
    ['text that is not JSON', '{"uri": ', 'bad_envelope'],
    ['JSON without a uri', '{"id":"x"}', 'bad_envelope'],
    ['an unknown member', '{"uri":"u","colour":"red"}', 'bad_envelope'],
    ['nesting beyond the limit', `{"uri":"u","metadata":${'['.repeat(10_000)}`, 'bad_envelope'],
    [
      'metadata beyond the limit',
      JSON.stringify({ uri: 'u', metadata: { a: 'x'.repeat(2000) } }),
      'too_large',
    ],
    ['an id with control characters', JSON.stringify({ uri: 'u', id: 'a\u0007' }), 'bad_envelope'],
    ['an id of 1 MB', JSON.stringify({ uri: 'u', id: 'x'.repeat(1e6) }), 'bad_envelope'],
    ['a sha256 that is none', '{"uri":"u","sha256":"12"}', 'bad_envelope'],
    ['a time that is none', '{"uri":"u","time":"yesterday"}', 'bad_envelope'],
    ['a time without an offset', '{"uri":"u","time":"2026-01-31T12:00:00"}', 'bad_envelope'],
    ['a day that does not exist', '{"uri":"u","time":"2026-02-30T12:00:00Z"}', 'bad_envelope'],
  ])('with %s is refused', (_what, text, code) => {
    expect(refusal(text)).toMatchObject({ code });
  });

  it('of bytes that are not UTF-8 is refused when it says that it is JSON', () => {
    const error = refusal(Uint8Array.of(0x7b, 0xff, 0xfe), { 'Content-Type': 'application/json' });
    expect(error.message).toContain('UTF-8');
  });

  it('with a header of control characters or of great length is refused', () => {
    expect(refusal('raw', { 'Troupe-Id': 'a\u0001' }).code).toBe('bad_header');
    expect(refusal('raw', { 'Troupe-Source': 'x'.repeat(2000) }).code).toBe('bad_header');
  });
});
