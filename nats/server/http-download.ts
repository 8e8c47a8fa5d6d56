// Streams one file over http or https to disk and hashes it on the way. Used for the official nats-server
// release; it gives up soon when nothing answers, because other ways to get a server follow.
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Agent as HttpAgent, get as httpGet, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, get as httpsGet } from 'node:https';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { DownloadOptions } from './machine.ts';

const MAX_REDIRECTS = 5;

/** The server's answer was not the file: another status, silence, or too many redirects. */
export class DownloadFailed extends Error {
  override readonly name = 'DownloadFailed';

  constructor(url: string, why: string) {
    super(`${url}: ${why}`);
  }
}

/**
 * Streams `url` (redirects are followed, the usual proxy variables of the environment are honoured) to `path`
 * and resolves to the sha256 of its bytes, as hex. Throws `DownloadFailed` or the connection's own error.
 */
export async function downloadFile(url: string, path: string, options: DownloadOptions): Promise<string> {
  const response = await follow(new URL(url), options, MAX_REDIRECTS);
  response.setTimeout(options.stallTimeoutMs, () => {
    response.destroy(new DownloadFailed(url, `no data for ${options.stallTimeoutMs} ms`));
  });
  const hash = createHash('sha256');
  const tap = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(response, tap, createWriteStream(path));
  return hash.digest('hex');
}

async function follow(url: URL, options: DownloadOptions, redirectsLeft: number): Promise<IncomingMessage> {
  const response = await request(url, options);
  const status = response.statusCode ?? 0;
  if (status === 200) return response;
  response.destroy();
  const location = response.headers.location;
  if (status < 300 || status > 399 || location === undefined) {
    throw new DownloadFailed(url.href, `expected status 200, got ${status}`);
  }
  if (redirectsLeft === 0) throw new DownloadFailed(url.href, `more than ${MAX_REDIRECTS} redirects`);
  return await follow(new URL(location, url), options, redirectsLeft - 1);
}

function request(url: URL, options: DownloadOptions): Promise<IncomingMessage> {
  const secure = url.protocol === 'https:';
  if (!secure && url.protocol !== 'http:') {
    return Promise.reject(new DownloadFailed(url.href, 'expected http: or https:'));
  }
  return new Promise((resolve, reject) => {
    const pending = secure
      ? httpsGet(url, { agent: new HttpsAgent({ proxyEnv: process.env }) })
      : httpGet(url, { agent: new HttpAgent({ proxyEnv: process.env }) });
    const timer = setTimeout(() => {
      pending.destroy(new DownloadFailed(url.href, `no answer within ${options.answerTimeoutMs} ms`));
    }, options.answerTimeoutMs);
    pending.once('response', (response) => {
      clearTimeout(timer);
      resolve(response);
    });
    pending.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
  });
}
