// Objects of an S3-compatible store: a real HTTP server that speaks as much of the protocol as reading needs.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '#runtime';
import { ManualClock } from '#testkit';
import { S3Source, type S3SourceOptions } from '../../actors/sources/s3-source.ts';
import { admitAll } from '../support/admit-all.ts';
import { type Answer, type ScriptedHttpServer, scriptedHttpServer } from '../support/scripted-http-server.ts';

const MAX_BYTES = 100_000;
const picture = Buffer.from('a picture, more or less');

let server: ScriptedHttpServer | undefined;
const before = { ...process.env };

beforeEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
  process.env.AWS_ACCESS_KEY_ID = 'test-key';
  process.env.AWS_SECRET_ACCESS_KEY = 'test-secret';
  process.env.AWS_EC2_METADATA_DISABLED = 'true';
  process.env.AWS_CONFIG_FILE = '/nowhere';
  process.env.AWS_SHARED_CREDENTIALS_FILE = '/nowhere';
});
afterEach(async () => {
  process.env = { ...before };
  await server?.[Symbol.asyncDispose]();
});

const refusal =
  (status: number, code: string): Answer =>
  (_request, response) => {
    response.writeHead(status, { 'Content-Type': 'application/xml' });
    response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`);
  };

async function read(
  uri: string,
  answers: Readonly<Record<string, Answer>>,
  options: Partial<S3SourceOptions> = {},
): Promise<Buffer> {
  server = await scriptedHttpServer(
    Object.fromEntries(Object.entries(answers).map(([path, answer]) => [`${path}?x-id=GetObject`, answer])),
  );
  const source = new S3Source({
    buckets: ['pictures', 'open-*'],
    endpoint: `http://127.0.0.1:${server.port}`,
    pathStyle: true,
    anonymous: false,
    timeoutMs: 20_000,
    stallMs: 10_000,
    clock: systemClock,
    ...options,
  });
  return Buffer.from(
    await source.read(uri, { maxBytes: MAX_BYTES, signal: new AbortController().signal, admit: admitAll }),
  );
}

const content: Answer = (_request, response) =>
  void response.writeHead(200, { 'Content-Length': picture.byteLength }).end(picture);

describe('a bucket source', () => {
  it('reads an object with a signed request; the key is taken as it is written', async () => {
    const key = 'a folder/ü%20.jpg';
    const path = `/pictures/${key.split('/').map(encodeURIComponent).join('/')}`;
    expect(await read(`s3://pictures/${key}`, { [path]: content })).toEqual(picture);
    expect(server?.requests[0]?.headers.authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=test-key\//);
  });

  it('reads a public bucket without credentials', async () => {
    delete process.env.AWS_ACCESS_KEY_ID;
    delete process.env.AWS_SECRET_ACCESS_KEY;
    expect(await read('s3://open-data/a.jpg', { '/open-data/a.jpg': content }, { anonymous: true })).toEqual(
      picture,
    );
    expect(server?.requests[0]?.headers).not.toHaveProperty('authorization');
  });

  it.each([
    ['a bucket that is not allowed', 's3://secrets/a.jpg', 'source_not_allowed'],
    ['a bucket name with more in it', 's3://pictures@evil.test/a.jpg', 'source_not_allowed'],
    ['no key', 's3://pictures/', 'source_not_allowed'],
    ['no bucket', 's3:///a.jpg', 'source_not_allowed'],
  ])('refuses %s, and asks nobody', async (_what, uri, code) => {
    await expect(read(uri, {})).rejects.toMatchObject({ name: 'ItemFailure', code });
    expect(server?.requests).toEqual([]);
  });

  it.each([
    [404, 'NoSuchKey', 'ItemFailure', 'not_found'],
    [404, 'NoSuchBucket', 'ItemFailure', 'not_found'],
    [403, 'AccessDenied', 'ItemFailure', 'access_denied'],
    [503, 'SlowDown', 'PassingFailure', 'fetch_failed'],
    [500, 'InternalError', 'PassingFailure', 'fetch_failed'],
  ])('tells apart %i %s: %s %s', async (status, code, name, reason) => {
    const answers = { '/pictures/a.jpg': refusal(status, code) };
    await expect(read('s3://pictures/a.jpg', answers)).rejects.toMatchObject({ name, code: reason });
    expect(server?.requests).toHaveLength(1);
  });

  it('says that there are no credentials', async () => {
    delete process.env.AWS_ACCESS_KEY_ID;
    delete process.env.AWS_SECRET_ACCESS_KEY;
    await expect(read('s3://pictures/a.jpg', { '/pictures/a.jpg': content })).rejects.toMatchObject({
      name: 'ItemFailure',
      code: 'access_denied',
    });
  });

  it('may find it where nobody listens: tried again later', async () => {
    await expect(read('s3://pictures/a.jpg', {}, { endpoint: 'http://127.0.0.1:1' })).rejects.toMatchObject({
      name: 'PassingFailure',
      code: 'fetch_failed',
    });
  });

  it('bounds an object, announced or not', async () => {
    const announced: Answer = (_, response) =>
      void response.writeHead(200, { 'Content-Length': MAX_BYTES + 1 }).flushHeaders();
    const endless: Answer = (_, response) => {
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(10_000)));
        response.once('drain', more);
      };
      more();
    };
    for (const answer of [announced, endless]) {
      const reading = read('s3://pictures/a.jpg', { '/pictures/a.jpg': answer });
      await expect(reading).rejects.toMatchObject({ name: 'ItemFailure', code: 'too_large' });
      await server?.[Symbol.asyncDispose]();
    }
    server = undefined;
  });

  it.each([
    ['before', () => {}],
    [
      'within',
      (_: unknown, response: Parameters<Answer>[1]) => {
        response.writeHead(200, { 'Content-Length': 1_000 });
        response.write('part');
      },
    ],
  ] satisfies [string, Answer][])('ends a store that stalls %s the body', async (_what, answer) => {
    const clock = new ManualClock();
    const asked = Promise.withResolvers<void>();
    const reading = read(
      's3://pictures/a.jpg',
      {
        '/pictures/a.jpg': (request, response) => {
          answer(request, response);
          asked.resolve();
        },
      },
      { clock },
    );
    const outcome = expect(reading).rejects.toMatchObject({ name: 'PassingFailure', code: 'fetch_timeout' });
    await asked.promise;
    await clock.advance(10_000);
    await outcome;
  });
});
