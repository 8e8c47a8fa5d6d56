// Sends what one turn of the event loop has to say to the server in one system call. The client writes after each chain
// of promises, a dozen times for an item of the pipeline, and both ends pay for each time.
import type { Socket } from 'node:net';
import type { NatsConnection, NatsConnectionImpl } from 'nats';

/** What is used of the client's transport, which it does not publish; each reconnect makes a new one. */
interface SocketTransport {
  readonly socket?: Socket;
  send(frame: Uint8Array): void;
}

/**
 * Holds back what the connection writes until the end of the turn; to be called again after each reconnect. Where the
 * client's transport is of another kind, nothing changes.
 */
export function gatherWrites(connection: NatsConnection): void {
  const transport: SocketTransport = (connection as NatsConnectionImpl).protocol.transport;
  const { socket } = transport;
  if (socket === undefined) return;
  const send = transport.send.bind(transport);
  let isGathering = false;
  transport.send = (frame) => {
    if (!isGathering) {
      isGathering = true;
      socket.cork();
      setImmediate(() => {
        isGathering = false;
        socket.uncork();
      });
    }
    send(frame);
  };
}
