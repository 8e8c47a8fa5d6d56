// What is fetched by http(s), and what is refused: against a real web server, with names that resolve as told.
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '#runtime';
import { ManualClock } from '#testkit';
import { AddressPolicy } from '../../actors/sources/address-policy.ts';
import { HttpSource, type HttpSourceOptions } from '../../actors/sources/http-source.ts';
import { admitAll } from '../support/admit-all.ts';
import { memoryGuard } from '../support/memory-ports.ts';
import { type Answer, type ScriptedHttpServer, scriptedHttpServer } from '../support/scripted-http-server.ts';

const MAX_BYTES = 100_000;
const picture = Buffer.from('a picture, more or less');

let server: ScriptedHttpServer;
afterEach(() => server[Symbol.asyncDispose]());

/** Names of this test's own internet. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  'images.test': ['127.0.0.1'],
  'other.test': ['127.0.0.1'],
  'inside.test': ['192.168.1.1'],
  'metadata.test': ['169.254.169.254'],
  'mixed.test': ['127.0.0.1', '10.0.0.5'],
  'six.test': ['::1'],
};

interface Fixture {
  readonly source: HttpSource;
  readonly lookups: string[];
  url(path: string, host?: string): string;
  read(uri: string, signal?: AbortSignal): Promise<Uint8Array>;
}

/** A source that may reach the test's server at 127.0.0.1, as if that were a public address. */
async function fixture(
  answers: Readonly<Record<string, Answer>>,
  options: Partial<HttpSourceOptions> = {},
): Promise<Fixture> {
  server = await scriptedHttpServer(answers);
  const lookups: string[] = [];
  const source = new HttpSource({
    hosts: ['*'],
    addresses: new AddressPolicy(['127.0.0.1']),
    maxRedirects: 5,
    timeoutMs: 20_000,
    stallMs: 10_000,
    guard: memoryGuard(systemClock),
    clock: systemClock,
    resolve: async (hostname) => {
      lookups.push(hostname);
      const found = NAMES[hostname];
      if (found === undefined) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
      return found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    },
    ...options,
  });
  return {
    source,
    lookups,
    url: (path, host = 'images.test') => `http://${host}:${server.port}${path}`,
    read: (uri, signal = new AbortController().signal) =>
      source.read(uri, { maxBytes: MAX_BYTES, signal, admit: admitAll }),
  };
}

const content: Answer = (_request, response) => void response.end(picture);
const redirect =
  (location: string, status = 302): Answer =>
  (_request, response) =>
    void response.writeHead(status, { Location: location }).end();
const refused = (code: string) => ({ name: 'ItemFailure', code });
const passing = (code: string) => ({ name: 'PassingFailure', code });

describe('a web source', () => {
  it('reads content, over connections that it keeps, and sends nothing that identifies anyone', async () => {
    const { read, url } = await fixture({ '/a.jpg': content });
    for (let time = 0; time < 3; time++) expect(Buffer.from(await read(url('/a.jpg')))).toEqual(picture);
    expect(server.connections()).toBe(1);
    const { headers } = server.requests[0] ?? {};
    expect(headers).toMatchObject({ 'user-agent': 'troupe', 'accept-encoding': 'identity' });
    expect(headers).not.toHaveProperty('cookie');
    expect(headers).not.toHaveProperty('authorization');
  });

  it('follows redirects to allowed hosts, absolute and relative', async () => {
    const { read, url } = await fixture({
      '/1': (_request, response) =>
        void response.writeHead(301, { Location: `http://other.test:${server.port}/2` }).end(),
      '/2': redirect('/3', 307),
      '/3': content,
    });
    expect(Buffer.from(await read(url('/1')))).toEqual(picture);
  });

  it('follows no more redirects than allowed', async () => {
    const { read, url } = await fixture({ '/loop': redirect('/loop') });
    await expect(read(url('/loop'))).rejects.toMatchObject(refused('too_many_redirects'));
    expect(server.requests).toHaveLength(6);
  });

  it('decodes content that a server compressed unasked', async () => {
    const { read, url } = await fixture({
      '/a': (_request, response) =>
        void response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync(picture)),
    });
    expect(Buffer.from(await read(url('/a')))).toEqual(picture);
  });
});

describe('a web source refuses, before anything is sent,', () => {
  it.each([
    ['http://127.0.0.1/', 'address_not_allowed'],
    ['http://127.1/', 'address_not_allowed'],
    ['http://0x7f000001/', 'address_not_allowed'],
    ['http://2130706433/', 'address_not_allowed'],
    ['http://[::1]/', 'address_not_allowed'],
    ['http://[::ffff:10.0.0.1]/', 'address_not_allowed'],
    ['http://10.0.0.1/', 'address_not_allowed'],
    ['http://169.254.169.254/latest/meta-data/', 'address_not_allowed'],
    ['http://inside.test/', 'address_not_allowed'],
    ['http://metadata.test/', 'address_not_allowed'],
    ['http://six.test/', 'address_not_allowed'],
    ['http://mixed.test/', 'address_not_allowed'],
    ['http://user:secret@images.test/', 'source_not_allowed'],
    ['http://', 'source_not_allowed'],
  ])('%s: %s', async (uri, code) => {
    const { read } = await fixture({}, { addresses: new AddressPolicy() });
    await expect(read(uri)).rejects.toMatchObject(refused(code));
    expect(server.connections()).toBe(0);
  });

  it('every host when none is allowed, and then looks no name up', async () => {
    const { read, url, lookups } = await fixture({ '/a': content }, { hosts: [] });
    await expect(read(url('/a'))).rejects.toMatchObject(refused('source_not_allowed'));
    expect(lookups).toEqual([]);
  });

  it('hosts and ports that no pattern names', async () => {
    const { read, url } = await fixture({ '/a': content }, { hosts: ['*.example.org', 'images.test:80'] });
    for (const uri of [url('/a'), url('/a', 'example.org'), 'http://example.org.evil.test/']) {
      await expect(read(uri)).rejects.toMatchObject(refused('source_not_allowed'));
    }
  });
});

describe('a web source refuses a redirect', () => {
  it.each([
    ['to a private address', 'http://10.0.0.5/a', 'address_not_allowed'],
    ['to the metadata service', 'http://169.254.169.254/', 'address_not_allowed'],
    ['to a name with a private address', 'http://inside.test/a', 'address_not_allowed'],
    ['to a host that is not allowed', 'http://elsewhere.example/a', 'source_not_allowed'],
    ['to a file', 'file:///etc/passwd', 'source_not_allowed'],
    ['with credentials', 'http://user:secret@images.test/', 'source_not_allowed'],
  ])('%s', async (_what, location, code) => {
    const { read, url } = await fixture({ '/a': redirect(location) }, { hosts: ['*.test', '10.*', '169.*'] });
    await expect(read(url('/a'))).rejects.toMatchObject(refused(code));
    expect(server.requests).toHaveLength(1);
  });

  it('without a location', async () => {
    const { read, url } = await fixture({ '/a': (_, response) => void response.writeHead(302).end() });
    await expect(read(url('/a'))).rejects.toMatchObject(refused('fetch_failed'));
  });
});

describe('the address that was checked', () => {
  it('is the one that is connected to: a name is resolved once for a connection', async () => {
    const answers = ['127.0.0.1', '10.0.0.1'];
    const { read, url } = await fixture(
      { '/a': content },
      { resolve: async () => [{ address: answers.shift() ?? '10.0.0.1', family: 4 }] },
    );
    expect(Buffer.from(await read(url('/a', 'rebinding.test')))).toEqual(picture);
    expect(answers).toEqual(['10.0.0.1']);
    await expect(read(url('/a', 'rebinding2.test'))).rejects.toMatchObject(refused('address_not_allowed'));
  });
});

describe('a web source bounds', () => {
  it('what is announced: nothing of a body that is too large is read', async () => {
    const { read, url } = await fixture({
      '/a': (_, response) => void response.writeHead(200, { 'Content-Length': MAX_BYTES + 1 }).flushHeaders(),
    });
    await expect(read(url('/a'))).rejects.toMatchObject(refused('too_large'));
  });

  it('a body that never ends', async () => {
    let closed: () => void = () => {};
    const gone = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const { read, url } = await fixture({
      '/a': (_, response) => {
        response.once('close', closed);
        const more = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(10_000)));
          response.once('drain', more);
        };
        more();
      },
    });
    await expect(read(url('/a'))).rejects.toMatchObject(refused('too_large'));
    await gone;
  });

  it('what a compressed body expands to', async () => {
    const bomb = gzipSync(Buffer.alloc(50 * MAX_BYTES));
    expect(bomb.byteLength).toBeLessThan(MAX_BYTES);
    const { read, url } = await fixture({
      '/a': (_, response) => void response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(bomb),
    });
    await expect(read(url('/a'))).rejects.toMatchObject(refused('too_large'));
  });

  it.each([
    ['answers nothing', () => {}],
    ['stalls in the middle of a body', (_, response) => void response.write('a part')],
  ] satisfies [string, Answer][])('a server that %s', async (_what, answer) => {
    const clock = new ManualClock();
    const { read, url } = await fixture({ '/a': answer }, { clock });
    const reading = read(url('/a'));
    const outcome = expect(reading).rejects.toMatchObject(passing('fetch_timeout'));
    await server.asked('/a');
    await clock.advance(10_000);
    await outcome;
  });

  it('a server that drips', async () => {
    const clock = new ManualClock();
    const { read, url } = await fixture(
      { '/a': (_, response) => void response.write('a') },
      { clock, stallMs: 60_000 },
    );
    const outcome = expect(read(url('/a'))).rejects.toMatchObject({
      ...passing('fetch_timeout'),
      message: expect.stringContaining('20000 ms'),
    });
    await server.asked('/a');
    await clock.advance(20_000);
    await outcome;
  });

  it('a fetch by the stop of its actor', async () => {
    const { read, url } = await fixture({ '/a': () => {} });
    const stop = new AbortController();
    const outcome = expect(read(url('/a'), stop.signal)).rejects.toThrow('stopped');
    await server.asked('/a');
    stop.abort(new Error('stopped'));
    await outcome;
  });
});

describe('a fetch that waits for memory', () => {
  it('burns none of its time, and blames nobody who hangs up meanwhile', async () => {
    const clock = new ManualClock();
    const guard = memoryGuard(clock);
    let hangUp = () => {};
    const { source, url } = await fixture(
      {
        '/a': (_request, response) => {
          hangUp = () => response.destroy();
          response.writeHead(200, { 'Content-Length': picture.byteLength }).write(picture.subarray(0, 3));
        },
      },
      { clock, guard },
    );
    const signal = new AbortController().signal;
    const admit = async () => {
      await clock.advance(3_600_000);
      hangUp();
    };
    for (let fetches = 0; fetches < 5; fetches++) {
      await expect(source.read(url('/a'), { maxBytes: MAX_BYTES, signal, admit })).rejects.toMatchObject({
        code: 'fetch_failed',
        failureClass: 'recoverable',
        ofSource: false,
      });
    }
    expect(guard.snapshot()).toMatchObject([{ state: 'closed', failures: 0 }]);
  });

  it('that ends with its actor lets the place go without a word', async () => {
    const guard = memoryGuard(systemClock);
    const { source, url } = await fixture({ '/a': content }, { guard });
    const stop = new AbortController();
    const admit = () => {
      stop.abort(new Error('stopped'));
      return Promise.reject(stop.signal.reason);
    };
    const read = source.read(url('/a'), { maxBytes: MAX_BYTES, signal: stop.signal, admit });
    await expect(read).rejects.toThrow('stopped');
    expect(guard.snapshot()).toMatchObject([{ state: 'closed', failures: 0 }]);
  });
});

describe('a web source tells apart', () => {
  it.each([
    [404, refused('not_found')],
    [410, refused('not_found')],
    [403, refused('access_denied')],
    [206, refused('fetch_failed')],
    [500, passing('fetch_failed')],
  ])('status %i', async (status, failure) => {
    const { read, url } = await fixture({ '/a': (_, response) => void response.writeHead(status).end() });
    await expect(read(url('/a'))).rejects.toMatchObject(failure);
  });

  it('a server that asks for patience, which the failure carries', async () => {
    const { read, url } = await fixture({
      '/a': (_, response) => void response.writeHead(429, { 'Retry-After': '3' }).end(),
    });
    await expect(read(url('/a'))).rejects.toMatchObject({ ...passing('fetch_failed'), retryAfterMs: 3_000 });
  });

  it('a connection that ends in the middle of the body from content', async () => {
    const { read, url } = await fixture({
      '/a': (_, response) => {
        response.writeHead(200, { 'Content-Length': 1_000 });
        response.write('part', () => response.destroy());
      },
    });
    await expect(read(url('/a'))).rejects.toMatchObject(passing('fetch_failed'));
  });

  it.each([
    ['a name that does not exist', 'http://nowhere.test/'],
    ['a port where nobody listens', 'http://images.test:1/'],
  ])('%s from what is not there', async (_what, uri) => {
    const { read } = await fixture({});
    await expect(read(uri)).rejects.toMatchObject(passing('fetch_failed'));
  });

  it('an encoding that it does not understand', async () => {
    const { read, url } = await fixture({
      '/a': (_, response) => void response.writeHead(200, { 'Content-Encoding': 'rot13' }).end('x'),
    });
    await expect(read(url('/a'))).rejects.toMatchObject(refused('fetch_failed'));
  });

  it('a body that is not what its encoding says', async () => {
    const { read, url } = await fixture({
      '/a': (_, response) =>
        void response.writeHead(200, { 'Content-Encoding': 'gzip' }).end('no gzip at all'),
    });
    await expect(read(url('/a'))).rejects.toMatchObject(passing('fetch_failed'));
  });
});

describe('the breaker of a host', () => {
  const refused = {
    name: 'PassingFailure',
    code: 'fetch_failed',
    failureClass: 'recoverable',
    ofSource: true,
  };

  it('opens for the host that failed, not for the one that redirected to it', async () => {
    const gone = await scriptedHttpServer({});
    await gone[Symbol.asyncDispose]();
    const guard = memoryGuard(systemClock);
    const { read, url } = await fixture(
      {
        '/away': (_, response) =>
          void response.writeHead(302, { Location: `http://other.test:${gone.port}/a.jpg` }).end(),
        '/here': (_, response) => void response.end(picture),
      },
      { guard },
    );
    for (let fetch = 0; fetch < 5; fetch++) await expect(read(url('/away'))).rejects.toMatchObject(refused);
    const states = guard.snapshot().map(({ name, state }) => [name, state]);
    expect(states).toEqual([
      [`http://other.test:${gone.port}`, 'open'],
      [url('').replace(/\/$/, ''), 'closed'],
    ]);
    expect(Buffer.from(await read(url('/here')))).toEqual(picture);
  });

  it('is not asked while it is open: the reference fails at once, without a connection', async () => {
    const guard = memoryGuard(systemClock);
    const { read, url } = await fixture(
      { '/broken': (_, response) => void response.writeHead(500).end() },
      { guard },
    );
    for (let fetch = 0; fetch < 3; fetch++) {
      await expect(read(url('/broken'))).rejects.toMatchObject({ code: 'fetch_failed' });
    }
    const asked = server.requests.length;
    await expect(read(url('/broken'))).rejects.toMatchObject(refused);
    await expect(read(url('/other.jpg'))).rejects.toMatchObject(refused);
    expect(server.requests).toHaveLength(asked);
    expect(guard.waitMs(url('').replace(/\/$/, ''))).toBeGreaterThan(0);
  });

  it('hears nothing bad of 404, 403, 429, too large or a forbidden address', async () => {
    const guard = memoryGuard(systemClock);
    const answer =
      (status: number): Answer =>
      (_, response) =>
        void response.writeHead(status).end();
    const { read, url } = await fixture(
      {
        '/404': answer(404),
        '/403': answer(403),
        '/429': answer(429),
        '/large': (_, response) => void response.end(Buffer.alloc(MAX_BYTES + 1)),
      },
      { guard },
    );
    for (const path of ['/404', '/403', '/429', '/large'].flatMap((each) => [each, each, each, each])) {
      await read(url(path)).catch(() => undefined);
    }
    for (let fetch = 0; fetch < 5; fetch++) await read(url('/a.jpg', 'inside.test')).catch(() => undefined);
    expect(guard.snapshot().filter(({ state, failures }) => state !== 'closed' || failures > 0)).toEqual([]);
  });
});
