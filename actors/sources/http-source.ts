// Reads `http://` and `https://` references from hosts that are allowed. Every hop of a redirect is checked like the
// first, and the address that a name resolves to is checked in the very lookup that the connection uses, so that
// nothing can change between the check and the connection. No credentials are ever sent.
import { lookup as systemLookup } from 'node:dns/promises';
import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { type Clock, toError } from '#runtime';
import type { ContentSource, ReadOptions } from '../pipeline/dataset-ports.ts';
import { ItemFailure, PassingFailure } from '../pipeline/item-failure.ts';
import { globMatches } from '../rules/glob.ts';
import type { AddressPolicy } from './address-policy.ts';
import { collectBody } from './collect-body.ts';
import { FetchDeadline, type FetchTimes, timesOfTry } from './fetch-deadline.ts';
import { failureOfStatus, isRedirect } from './http-answer.ts';
import { failureOfNetwork } from './network-failure.ts';
import type { SourceGuard, Visit } from './source-guard.ts';

/** An address of a host name. */
export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

export interface HttpSourceOptions extends FetchTimes {
  /** Hosts as globs, `host` or `host:port`; none refuses everything. */
  readonly hosts: readonly string[];
  readonly addresses: AddressPolicy;
  readonly maxRedirects: number;
  readonly clock: Clock;
  /** Has a breaker for each host and port. */
  readonly guard: SourceGuard;
  /** All addresses of a name; default: as the operating system resolves it. */
  readonly resolve?: (hostname: string) => Promise<readonly ResolvedAddress[]>;
}

const FREE_SOCKETS = 4;
const HEADERS = { Accept: '*/*', 'Accept-Encoding': 'identity', 'User-Agent': 'troupe' } as const;

export class HttpSource implements ContentSource {
  readonly #options: HttpSourceOptions;
  readonly #resolve: (hostname: string) => Promise<readonly ResolvedAddress[]>;
  readonly #agents: Readonly<Record<string, HttpAgent>>;

  constructor(options: HttpSourceOptions) {
    this.#options = options;
    this.#resolve = options.resolve ?? ((hostname) => systemLookup(hostname, { all: true }));
    const pool = { keepAlive: true, maxFreeSockets: FREE_SOCKETS };
    this.#agents = { 'http:': new HttpAgent(pool), 'https:': new HttpsAgent(pool) };
  }

  placeOf(uri: string): string | undefined {
    const url = URL.parse(uri);
    return url === null ? undefined : url.origin;
  }

  async read(uri: string, { maxBytes, signal, admit, tries = 1 }: ReadOptions): Promise<Uint8Array> {
    const { clock, guard } = this.#options;
    using deadline = new FetchDeadline(clock, timesOfTry(this.#options, tries), signal);
    using visit = guard.visit(tries);
    try {
      const answer = await this.#follow(this.#admit(uri), deadline, visit);
      const length = answer.headers['content-length'];
      const encoding = answer.headers['content-encoding'];
      const bytes = await collectBody(answer, {
        maxBytes,
        deadline,
        admit,
        ...(length !== undefined && { announced: Number(length) }),
        ...(encoding !== undefined && { encoding }),
      });
      visit.succeeded();
      return bytes;
    } catch (error) {
      throw visit.failed(deadline.verdictOn(classify(uri, error)));
    }
  }

  /** The answer with the content, after at most `maxRedirects` redirects. */
  async #follow(start: URL, deadline: FetchDeadline, visit: Visit): Promise<IncomingMessage> {
    let url = start;
    for (let hop = 0; ; hop++) {
      visit.enter(url.origin);
      const answer = await this.#request(url, deadline);
      const { statusCode: status = 0, headers } = answer;
      if (status === 200) return answer;
      answer.destroy();
      if (!isRedirect(status)) {
        const wallMs = this.#options.clock.wallMs();
        throw failureOfStatus(status, shown(url.href), { retryAfter: headers['retry-after'], wallMs });
      }
      if (headers.location === undefined) {
        throw new ItemFailure('fetch_failed', `${shown(url.href)} answered ${status} without a location`);
      }
      if (hop === this.#options.maxRedirects) {
        const message = `expected at most ${hop} redirects, got another one from ${shown(url.href)}`;
        throw new ItemFailure('too_many_redirects', message);
      }
      url = this.#admit(headers.location, url);
    }
  }

  /** Checks everything that a URL alone tells. */
  #admit(text: string, base?: URL): URL {
    const url = URL.parse(text, base?.href);
    const from = base === undefined ? '' : ` (a redirect from ${shown(base.href)})`;
    const refuse = (why: string) =>
      new ItemFailure('source_not_allowed', `${why}, got ${shown(text)}${from}`);
    if (url === null) throw refuse('expected a URL');
    if (url.protocol !== 'http:' && url.protocol !== 'https:') throw refuse('expected http or https');
    if (url.username !== '' || url.password !== '') throw refuse('expected no user and password');
    const { hosts } = this.#options;
    const isAllowed = hosts.some((host) => globMatches(host.toLowerCase(), hostOf(url, host.includes(':'))));
    if (!isAllowed) {
      throw refuse(
        `expected one of the hosts of sources.http.hosts (${hosts.length === 0 ? 'there are none' : hosts.join(', ')})`,
      );
    }
    const address = url.hostname.replace(/^\[|\]$/g, '');
    if (isIP(address) !== 0) this.#admitAddress(address, url.hostname);
    return url;
  }

  #admitAddress(address: string, host: string): void {
    const kind = this.#options.addresses.refusal(address);
    if (kind === undefined) return;
    const name = address === host ? address : `${address} of ${shown(host)}`;
    throw new ItemFailure('address_not_allowed', `expected a public address, got ${name} (${kind})`);
  }

  #request(url: URL, deadline: FetchDeadline): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const agent = this.#agents[url.protocol];
    const options: RequestOptions = {
      headers: HEADERS,
      lookup: this.#lookup,
      signal: deadline.signal,
      ...(agent !== undefined && { agent }),
    };
    const request = url.protocol === 'https:' ? httpsRequest(url, options) : httpRequest(url, options);
    request.once('error', reject);
    request.once('response', (answer) => {
      deadline.touch();
      resolve(answer);
    });
    request.end();
    return promise;
  }

  /** Resolves a name for a connection. One address that is not allowed refuses the name: it may be asked for next. */
  readonly #lookup: LookupFunction = (hostname, options, callback) => {
    const answer = (error: NodeJS.ErrnoException | null, found: readonly ResolvedAddress[]): void => {
      const [first] = found;
      if (error !== null || first === undefined) {
        callback(error ?? noAddress(hostname), '', 4);
      } else if (options.all === true) callback(null, [...found]);
      else callback(null, first.address, first.family);
    };
    this.#resolve(hostname).then(
      (found) => {
        try {
          for (const { address } of found) this.#admitAddress(address, hostname);
        } catch (refused) {
          return answer(refused as Error, []);
        }
        answer(null, found);
      },
      (error: unknown) => answer(error instanceof Error ? error : new Error(String(error)), []),
    );
  };
}

function noAddress(hostname: string): PassingFailure {
  return new PassingFailure('fetch_failed', `${shown(hostname)} has no address`, { ofSource: true });
}

/** The host as patterns see it; a pattern with a port sees the port, also the scheme's own. */
function hostOf(url: URL, withPort: boolean): string {
  if (!withPort) return url.hostname;
  return `${url.hostname}:${url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : url.port}`;
}

function classify(uri: string, error: unknown): unknown {
  if (error instanceof ItemFailure || error instanceof PassingFailure) return error;
  // What the network does may pass; a defect of ours has no code.
  const code = (error as { code?: unknown }).code;
  if (typeof code !== 'string') return error;
  return failureOfNetwork(code, shown(uri), toError(error));
}

function shown(text: string): string {
  return text.slice(0, 200);
}
