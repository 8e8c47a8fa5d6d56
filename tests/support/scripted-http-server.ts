// A web server on the loopback interface that answers as a test says, path by path.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface ScriptedHttpServer extends AsyncDisposable {
  readonly port: number;
  /** What was asked for, in order, with the headers. */
  readonly requests: readonly IncomingMessage[];
  /** Connections that were made. */
  readonly connections: () => number;
  /** Resolves when `path` is asked for. */
  asked(path: string): Promise<void>;
}

/** `answers` by path; every other path is 404. `address` is a loopback address; without a `port` it is a free one. */
export async function scriptedHttpServer(
  answers: Readonly<Record<string, Answer>>,
  address = '127.0.0.1',
  port = 0,
): Promise<ScriptedHttpServer> {
  const requests: IncomingMessage[] = [];
  const waiting: { readonly path: string; readonly resolve: () => void }[] = [];
  let connections = 0;
  const server = createServer((request, response) => {
    requests.push(request);
    const path = request.url ?? '';
    const answer = Object.hasOwn(answers, path) ? answers[path] : undefined;
    if (answer === undefined) response.writeHead(404).end();
    else answer(request, response);
    for (const each of waiting) if (each.path === path) each.resolve();
  });
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(port, address, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    connections: () => connections,
    asked: (path) => {
      if (requests.some(({ url }) => url === path)) return Promise.resolve();
      return new Promise((resolve) => void waiting.push({ path, resolve }));
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
