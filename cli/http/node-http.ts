// The HTTP door of a node: metrics for Prometheus, and health for whoever runs the process. It answers from the event loop
// that runs the actors, on purpose: when that is blocked, nothing answers here either.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import { type Logger, toError } from '#runtime';
import { CommandError } from '../command-error.ts';
import type { Health } from './health.ts';

export interface NodeHttpOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly health: () => Health;
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  readonly log: Logger;
}

export interface NodeHttp {
  /** `http://HOST:PORT`. */
  readonly url: string;
  close(): Promise<void>;
}

/** Whoever asks sends a line and a few headers; anything slower or longer is not one of those. */
const REQUEST_MS = 10_000;
const MAX_HEADER_BYTES = 8_192;
const PATHS = ['/metrics', '/health', '/health/live', '/health/ready'] as const;

/** @throws CommandError `http_unavailable` when it cannot listen there */
export async function serveNodeHttp(options: NodeHttpOptions): Promise<NodeHttp> {
  const server = createServer(
    { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS, maxHeaderSize: MAX_HEADER_BYTES },
    (request, response) => {
      answer(options, request, response).catch((error: unknown) => {
        options.log.error({ err: toError(error), path: request.url }, 'a request over HTTP failed');
        if (response.headersSent) response.destroy();
        else send(response, 500, 'text/plain; charset=utf-8', 'internal error; see the log of the node\n');
      });
    },
  );
  await listen(server, options);
  const { address, port } = server.address() as AddressInfo;
  return {
    url: `http://${isIPv6(address) ? `[${address}]` : address}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, { host, port }: NodeHttpOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const what = cause.code === 'EADDRINUSE' ? 'another process listens there' : cause.message;
      const message = `expected a free address for node.http, got ${host}:${port}: ${what}`;
      reject(new CommandError('http_unavailable', message, { cause }));
    });
    server.listen(port, host, () => resolve());
  });
}

async function answer(
  { health, metrics }: NodeHttpOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = (request.url ?? '').replace(/\?.*$/s, '');
  const known = PATHS.find((each) => each === path);
  if (known === undefined) {
    send(response, 404, 'text/plain; charset=utf-8', `expected one of ${PATHS.join(', ')}\n`);
    return;
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    send(response, 405, 'text/plain; charset=utf-8', 'expected GET or HEAD\n');
    return;
  }
  if (known === '/metrics') {
    send(response, 200, metrics.contentType, await metrics.text());
    return;
  }
  const state = health();
  switch (known) {
    case '/health': {
      const body = `${JSON.stringify(state, null, 2)}\n`;
      send(response, state.ready ? 200 : 503, 'application/json; charset=utf-8', body);
      return;
    }
    case '/health/live':
      probe(response, state.live, state);
      return;
    case '/health/ready':
      probe(response, state.ready, state);
      return;
  }
}

function probe(response: ServerResponse, isGood: boolean, { notReady }: Health): void {
  const body = isGood ? 'ok\n' : `${notReady.join('\n')}\n`;
  send(response, isGood ? 200 : 503, 'text/plain; charset=utf-8', body);
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}
