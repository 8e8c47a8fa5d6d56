// Sends every message and reply between actors of one process through a codec, as if they were apart. What works in
// one process only (a shared object that is changed, a class, a callback) then fails in unit tests already.
import type { ActorRef, Reply, TellOutcome } from '../actor.ts';
import type { Codec } from '../ports.ts';
import type { SystemCheck } from '../system-check.ts';
import { ForwardingRef } from './forwarding-ref.ts';

/** A message or reply holds what no codec brings to another process. */
export class NotForTheWire extends Error {
  override readonly name = 'NotForTheWire';
  readonly code = 'not_for_the_wire';
  /** Path of the actor that was addressed. */
  readonly path: string;

  constructor(path: string, what: string, options?: ErrorOptions) {
    super(`expected what is sent to ${path} or back to survive the codec, but ${what}`, options);
    this.path = path;
  }
}

/**
 * The check by this codec. Reply handles and references to actors pass as they are, since any wire has an address for
 * them; so do array buffers, views of buffers in a `transfer` list, and views other than Uint8Array, which are moved to
 * threads. What an actor tells itself never leaves it and is not checked. Sending anything else that comes out of the
 * codec as another value throws NotForTheWire in the sender.
 */
export class WireCheck implements SystemCheck {
  readonly #codec: Codec;

  constructor(codec: Codec) {
    this.#codec = codec;
  }

  ref<M>(ref: ActorRef<M>): ActorRef<M> {
    return new WireRef(ref, this.#codec);
  }

  self<M>(ref: ActorRef<M>): ActorRef<M> {
    return ref;
  }

  run<T>(_path: string, work: () => T): T {
    return work();
  }
}

class WireRef<M> extends ForwardingRef<M> {
  readonly #codec: Codec;

  constructor(ref: ActorRef<M>, codec: Codec) {
    super(ref);
    this.#codec = codec;
  }

  override tell(message: M): TellOutcome {
    return super.tell(carry(message, this.path, this.#codec));
  }

  override ask<R>(
    build: (reply: Reply<R>) => M,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ): Promise<R> {
    return super.ask<R>((reply) => {
      const checked = new WireReply(reply, this.path, this.#codec);
      return carry(build(checked), this.path, this.#codec);
    }, options);
  }
}

/** Errors have a form of their own on any wire and pass as they are. */
class WireReply<R> implements Reply<R> {
  readonly #reply: Reply<R>;
  readonly #path: string;
  readonly #codec: Codec;

  constructor(reply: Reply<R>, path: string, codec: Codec) {
    this.#reply = reply;
    this.#path = path;
    this.#codec = codec;
  }

  ok(value: R): void {
    this.#reply.ok(carry(value, this.#path, this.#codec));
  }

  fail(error: Error): void {
    this.#reply.fail(error);
  }
}

/** The value as it comes out at the other end. */
function carry<T>(value: T, path: string, codec: Codec): T {
  const handles: unknown[] = [];
  const sent = lift(value, handles, transferOf(value));
  let received: unknown;
  try {
    received = codec.decode(codec.encode(sent));
  } catch (cause) {
    throw new NotForTheWire(path, 'the codec refused it', { cause });
  }
  const difference = differenceOf(sent, received, 'it');
  if (difference !== undefined) throw new NotForTheWire(path, difference);
  // What comes out was just compared with what went in.
  return lower(received, handles) as T;
}

function transferOf(value: unknown): ReadonlySet<unknown> {
  const transfer = isPlain(value) ? value.transfer : undefined;
  return new Set(Array.isArray(transfer) ? transfer : []);
}

const HANDLE = '$handle';

/** A copy in which each thing that does not go through the codec is replaced by its number in `handles`. */
function lift(value: unknown, handles: unknown[], transfer: ReadonlySet<unknown>): unknown {
  if (isHandle(value, transfer)) return { [HANDLE]: handles.push(value) - 1 };
  if (Array.isArray(value)) return value.map((item) => lift(item, handles, transfer));
  if (!isPlain(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, lift(item, handles, transfer)]));
}

function lower(value: unknown, handles: readonly unknown[]): unknown {
  if (Array.isArray(value)) return value.map((item) => lower(item, handles));
  if (!isPlain(value)) return value;
  const { [HANDLE]: handle } = value;
  if (typeof handle === 'number') return handles[handle];
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, lower(item, handles)]));
}

function isHandle(value: unknown, transfer: ReadonlySet<unknown>): boolean {
  if (value instanceof WireReply || value instanceof ArrayBuffer || isRef(value)) return true;
  if (!ArrayBuffer.isView(value)) return false;
  return !(value instanceof Uint8Array) || transfer.has(value.buffer);
}

function isRef(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return ['tell', 'ask', 'room'].every((name) => typeof Reflect.get(value, name) === 'function');
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** The first difference, in words that follow "but"; a field that is undefined is as good as none. */
function differenceOf(sent: unknown, received: unknown, at: string): string | undefined {
  if (sent === received || (Number.isNaN(sent) && Number.isNaN(received))) return undefined;
  if (Array.isArray(sent)) {
    if (!Array.isArray(received) || sent.length !== received.length) return `${at} is no longer its array`;
    return firstOf(sent.keys(), (index) => differenceOf(sent[index], received[index], `${at}[${index}]`));
  }
  if (sent instanceof Uint8Array && received instanceof Uint8Array) {
    return Buffer.compare(sent, received) === 0 ? undefined : `${at} has other bytes`;
  }
  if (sent instanceof Date && received instanceof Date && sent.getTime() === received.getTime())
    return undefined;
  if (!isPlain(sent)) return `${at} is ${described(sent)}`;
  if (!isPlain(received)) return `${at} comes out as ${described(received)}`;
  const keys = new Set([...Object.keys(sent), ...Object.keys(received)]);
  return firstOf(keys, (key) => differenceOf(sent[key], received[key], `${at}.${key}`));
}

function firstOf<T>(items: Iterable<T>, look: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = look(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

function described(value: unknown): string {
  if (typeof value === 'object' && value !== null)
    return `an instance of ${value.constructor?.name ?? 'nothing'}`;
  return typeof value === 'function' ? 'a function' : String(value);
}
