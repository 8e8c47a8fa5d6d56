// What the window publisher needs of a connection, and its implementation over nats.js. The seam exists so that the
// publisher's decisions (window, retries, full streams) are tested without a server.

import type { JetStreamManager } from '@nats-io/jetstream';
import { headers as emptyHeaders, type MsgHdrs, type NatsConnection } from 'nats';
import { Frames } from './frames.ts';
import type { HeaderText } from './header-text.ts';

/** One answer to a publish: a body from the stream, or a status alone (503: nobody listens). */
export interface PublishAnswer {
  readonly status: number;
  readonly body: string;
}

/** The connection as the window publisher sees it. */
export interface PublishTransport {
  /** Largest payload the server takes, in bytes. */
  maxPayload(): number;
  /** Sends once; the answer comes to `onAnswer` under `token`. */
  send(subject: string, data: Uint8Array, headers: HeaderText, token: string): void;
  /** Sets the receiver of all answers; called once. */
  onAnswer(receive: (token: string, answer: PublishAnswer) => void): void;
  /** The stream which stores `subject`, or `undefined` if none does. Rejects when the server does not say. */
  streamOf(subject: string): Promise<string | undefined>;
  close(): void;
}

/** The headers of one message that the client itself sends; `undefined` where it has none. */
export function publishHeaders(entries: Iterable<readonly [string, string]>): MsgHdrs | undefined {
  let built: MsgHdrs | undefined;
  for (const [name, value] of entries) {
    built ??= emptyHeaders();
    built.append(name, value);
  }
  return built;
}

/** The transport over one connection: one inbox subscription for all answers. */
export function connectionTransport(
  connection: NatsConnection,
  manager: JetStreamManager,
  inbox: string,
): PublishTransport {
  const prefix = `${inbox}.`;
  const frames = new Frames(connection);
  let receive: (token: string, answer: PublishAnswer) => void = () => {};
  const subscription = connection.subscribe(`${prefix}*`, {
    callback: (error, message) => {
      if (error !== null) return;
      const status = message.headers?.code ?? 0;
      receive(message.subject.slice(prefix.length), { status, body: message.string() });
    },
  });
  return {
    maxPayload: () => connection.info?.max_payload ?? Number.POSITIVE_INFINITY,
    send(subject, data, headers, token) {
      frames.publish(subject, prefix + token, headers, data);
    },
    onAnswer(listener) {
      receive = listener;
    },
    async streamOf(subject) {
      const names = await manager.streams.names(subject).next();
      return names[0];
    },
    close: () => subscription.unsubscribe(),
  };
}
