// What is left of a connection once it is closed, or about to be: things to say that nobody misses, and an attempt to
// connect again that the client does not end itself.
import { errors, type NatsConnection, type NatsConnectionImpl } from 'nats';

/** What is used of the client's transport, which it does not publish. */
interface EndableTransport {
  /** Destroys its socket, whatever state that is in. */
  discard?(): void;
}

/** Sends something that nobody misses once the connection is over. */
export function unlessClosed(send: () => void): void {
  try {
    send();
  } catch (error) {
    if (error instanceof errors.ClosedConnectionError || error instanceof errors.DrainingConnectionError)
      return;
    throw error;
  }
}

/**
 * Ends the socket of a connection that was closed while it connected again. Where the other end accepts and then says
 * nothing (a frozen server), the client would hold it for ever, and that would keep this process alive.
 */
export function endTransport(connection: NatsConnection): void {
  const transport: EndableTransport = (connection as NatsConnectionImpl).protocol.transport;
  transport.discard?.();
}
