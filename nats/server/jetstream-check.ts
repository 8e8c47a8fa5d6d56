// Whether the JetStream of a server that answers works: after a full disk the server may be well but for that.
import { connect } from 'nats';

const TIMEOUT_MS = 5_000;

/** Why JetStream does not work; undefined when it does. Takes up to 10 s; never rejects. */
export async function jetStreamTrouble(server: {
  readonly url: string;
  readonly token: string;
  readonly monitorUrl: string;
}): Promise<string | undefined> {
  return (await healthTrouble(server.monitorUrl)) ?? (await apiTrouble(server.url, server.token));
}

async function healthTrouble(monitorUrl: string): Promise<string | undefined> {
  try {
    const response = await fetch(`${monitorUrl}/healthz`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = await response.text();
    return response.ok ? undefined : text;
  } catch (error) {
    return String(error);
  }
}

/** Servers of 2.9 report good health all the same, and answer no request of JetStream's. */
async function apiTrouble(url: string, token: string): Promise<string | undefined> {
  try {
    const connection = await connect({ servers: url, token, timeout: TIMEOUT_MS, reconnect: false });
    try {
      const answer = await connection.request('$JS.API.INFO', '', { timeout: TIMEOUT_MS });
      return answer.string().includes('"error"') ? answer.string() : undefined;
    } finally {
      await connection.close();
    }
  } catch (error) {
    return String(error);
  }
}
