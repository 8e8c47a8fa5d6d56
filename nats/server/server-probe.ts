// Asks a port whether a nats-server answers there and takes a token, by speaking the first lines of its
// protocol. It needs no client library and no subscription, and takes about a millisecond on loopback.
import { connect } from 'node:net';
import { z } from 'zod';

const DEFAULT_TIMEOUT_MS = 2_000;

const infoSchema = z.object({
  server_id: z.string(),
  version: z.string(),
  jetstream: z.boolean().default(false),
  max_payload: z.number(),
});

/** What came of a probe. */
export type ProbeResult =
  | {
      readonly answer: 'accepted';
      readonly serverId: string;
      readonly version: string;
      readonly jetStream: boolean;
      readonly maxPayloadBytes: number;
    }
  /** A nats-server, but not with this token. */
  | { readonly answer: 'refused'; readonly why: string }
  /** Nothing listens there, or something else, or it is silent. */
  | { readonly answer: 'none'; readonly why: string };

export interface ProbeOptions {
  /** `nats://host:port`. */
  readonly url: string;
  /** Without one the server must take anybody. */
  readonly token?: string;
  /** Milliseconds; default 2,000. */
  readonly timeoutMs?: number;
}

/** Connects, greets, sends a ping and closes; never rejects. */
export function probeServer(options: ProbeOptions): Promise<ProbeResult> {
  const { hostname, port } = new URL(options.url);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port) });
    let received = '';
    const finish = (result: ProbeResult): void => {
      socket.destroy();
      resolve(result);
    };
    socket.setEncoding('utf8');
    socket.setTimeout(options.timeoutMs ?? DEFAULT_TIMEOUT_MS, () =>
      finish({ answer: 'none', why: 'silence' }),
    );
    socket.once('error', (error) => finish({ answer: 'none', why: error.message }));
    socket.once('close', () => finish({ answer: 'none', why: 'the connection was closed' }));
    socket.on('data', (chunk: string) => {
      const greeted = received.includes('\r\n');
      received += chunk;
      if (!greeted && received.includes('\r\n')) socket.write(greeting(options.token));
      const result = judge(received);
      if (result !== undefined) finish(result);
    });
  });
}

function greeting(token: string | undefined): string {
  const fields = { verbose: false, pedantic: false, lang: 'troupe', version: '1', name: 'troupe-probe' };
  return `CONNECT ${JSON.stringify({ ...fields, ...(token === undefined ? {} : { auth_token: token }) })}\r\nPING\r\n`;
}

function judge(received: string): ProbeResult | undefined {
  const [first, ...rest] = received.split('\r\n');
  if (first === undefined || rest.length === 0) return undefined;
  if (!first.startsWith('INFO ')) return { answer: 'none', why: 'no nats-server' };
  const refusal = rest.find((line) => line.startsWith('-ERR'));
  if (refusal !== undefined) return { answer: 'refused', why: refusal.slice(5) };
  if (!rest.includes('PONG')) return undefined;
  const info = infoSchema.safeParse(parsedJson(first.slice(5)));
  if (!info.success) return { answer: 'none', why: 'an INFO line that cannot be read' };
  return {
    answer: 'accepted',
    serverId: info.data.server_id,
    version: info.data.version,
    jetStream: info.data.jetstream,
    maxPayloadBytes: info.data.max_payload,
  };
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
