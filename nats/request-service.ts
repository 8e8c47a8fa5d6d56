// Requests that any client sends, answered with headers: by whoever of a queue group gets them, or by a colleague to whom
// they are passed on with the asker's own reply subject, so that the answer goes there directly.
import type { Msg } from 'nats';
import type { NatsLink } from './connection.ts';
import { publishHeaders } from './publish-transport.ts';
import { ERROR_CODE_HEADER, ERROR_HEADER } from './service-headers.ts';

/** When to ask again, in ms; beside code 429. */
export const RETRY_AFTER_HEADER = 'Retry-After-Ms';
/** Names who passed a request on; such a one is passed on no more. */
const FORWARDED_HEADER = 'Troupe-Forwarded-By';

export interface ServiceRequest {
  readonly data: Uint8Array;
  header(name: string): string | undefined;
  /** Whether a colleague has passed it on. */
  readonly forwarded: boolean;
}

export type ServiceAnswer =
  | { readonly data: Uint8Array; readonly headers?: Readonly<Record<string, string>> }
  /** A subject at which a colleague answers. */
  | { readonly forwardTo: string };

/** What is wrong with a request, or why it is not answered now. */
export class ServiceRefusal extends Error {
  override readonly name = 'ServiceRefusal';
  /** As HTTP has them: 400 the request is wrong, 404, 413, 429 too much at once, 503 not now. */
  readonly code: number;
  readonly retryAfterMs: number | undefined;

  constructor(
    code: number,
    message: string,
    options: ErrorOptions & { readonly retryAfterMs?: number } = {},
  ) {
    super(message, options);
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/**
 * Answers requests until the returned function is called. What the handler throws is the answer, with the code of a
 * `ServiceRefusal` or else 500.
 * @param options.self Name under which requests are passed on.
 */
export function serveRequests(
  link: NatsLink,
  subject: string,
  handler: (request: ServiceRequest) => Promise<ServiceAnswer>,
  options: { readonly queue?: string; readonly self: string },
): () => void {
  const subscription = link.connection.subscribe(subject, {
    ...(options.queue !== undefined && { queue: options.queue }),
    callback: (error, message) => {
      if (error !== null) link.log.warn({ subject, error: error.message }, 'subscription refused');
      else void answer(link, message, handler, options.self);
    },
  });
  return () => {
    if (!subscription.isClosed()) subscription.unsubscribe();
  };
}

async function answer(
  link: NatsLink,
  message: Msg,
  handler: (request: ServiceRequest) => Promise<ServiceAnswer>,
  self: string,
): Promise<void> {
  const header = (name: string) => message.headers?.get(name) || undefined;
  try {
    const answered = await handler({
      data: message.data,
      header,
      forwarded: header(FORWARDED_HEADER) !== undefined,
    });
    if (link.connection.isClosed()) return;
    if ('forwardTo' in answered) forward(link, message, answered.forwardTo, self);
    else respond(message, answered.data, answered.headers ?? {});
  } catch (error) {
    if (link.connection.isClosed()) return;
    const { code, retryAfterMs } =
      error instanceof ServiceRefusal ? error : { code: 500, retryAfterMs: undefined };
    const text = error instanceof Error ? error.message : String(error);
    respond(message, new Uint8Array(), {
      [ERROR_HEADER]: text.replace(/[\r\n]+/g, ' '),
      [ERROR_CODE_HEADER]: String(code),
      ...(retryAfterMs !== undefined && { [RETRY_AFTER_HEADER]: String(Math.ceil(retryAfterMs)) }),
    });
  }
}

function respond(message: Msg, data: Uint8Array, headers: Readonly<Record<string, string>>): void {
  const built = publishHeaders(Object.entries(headers));
  message.respond(data, built === undefined ? {} : { headers: built });
}

function forward({ connection }: NatsLink, message: Msg, subject: string, self: string): void {
  const kept = [...(message.headers?.keys() ?? [])].map((name): [string, string] => [
    name,
    message.headers?.get(name) ?? '',
  ]);
  const headers = publishHeaders([...kept, [FORWARDED_HEADER, self]]);
  connection.publish(subject, message.data, {
    ...(message.reply !== undefined && { reply: message.reply }),
    ...(headers !== undefined && { headers }),
  });
}
