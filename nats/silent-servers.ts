// Which of several servers cannot be used now, for the message of an error: the one that a client is connected to does
// not say which others of its cluster it misses.
import { Socket } from 'node:net';

const DEFAULT_PORT = '4222';
/** Longest that a server may take to greet whoever connects; one that is frozen takes connections and says nothing. */
const GREETING_MS = 1_000;

/** `host:port` of those of the servers (URLs, separated by commas) that take no connection or do not greet on it. */
export async function silentServers(servers: string): Promise<readonly string[]> {
  const places = servers.split(',').flatMap((server) => {
    const text = server.trim();
    const url = new URL(text.includes('://') ? text : `nats://${text}`);
    // Those of web sockets wait for their client to speak first.
    return url.protocol.startsWith('ws') ? [] : [{ host: url.hostname, port: url.port || DEFAULT_PORT }];
  });
  const greetings = await Promise.all(places.map((place) => greets(place)));
  return places.filter((_, at) => !greetings[at]).map(({ host, port }) => `${host}:${port}`);
}

async function greets({ host, port }: { readonly host: string; readonly port: string }): Promise<boolean> {
  const socket = new Socket();
  try {
    return await new Promise((resolve) => {
      socket.setTimeout(GREETING_MS, () => resolve(false));
      socket.once('error', () => resolve(false));
      socket.once('close', () => resolve(false));
      socket.once('data', () => resolve(true));
      socket.connect(Number(port), host.replace(/^\[|\]$/g, ''));
    });
  } finally {
    socket.destroy();
  }
}
