// The chaos harness's network: what a cut connection looks like from both ends.
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TcpProxy } from '../support/chaos/tcp-proxy.ts';
import { waitUntil } from '../support/wait-until.ts';

const DEADLINE = { deadlineMs: 10_000 };

/** One end of a connection with everything that it saw. */
class End {
  readonly socket: Socket;
  received = '';
  readonly seen: string[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('utf8').on('data', (text: string) => {
      this.received += text;
    });
    for (const event of ['end', 'error', 'close'] as const) socket.on(event, () => this.seen.push(event));
  }

  async receives(text: string): Promise<void> {
    await waitUntil(() => this.received.includes(text), {
      ...DEADLINE,
      what: `"${text.slice(0, 20)}" arrives`,
    });
  }
}

describe('a TCP proxy', () => {
  let server: Server;
  let proxy: TcpProxy;
  let uncut: TcpProxy;
  let served: End[];
  const clients: End[] = [];

  beforeEach(async () => {
    served = [];
    const ends = served;
    server = createServer((socket) => ends.push(new End(socket)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const target = () => ({ host: '127.0.0.1', port: address.port });
    proxy = await TcpProxy.open(target);
    uncut = await TcpProxy.open(target);
  });

  afterEach(async () => {
    await Promise.all([proxy[Symbol.asyncDispose](), uncut[Symbol.asyncDispose]()]);
    for (const { socket } of [...clients.splice(0), ...served]) socket.destroy();
    server.close();
  });

  async function dial(through: TcpProxy): Promise<End> {
    const client = new End(connect(through.port, '127.0.0.1'));
    clients.push(client);
    await waitUntil(() => !client.socket.connecting, { ...DEADLINE, what: 'the proxy takes it' });
    return client;
  }

  async function connected(through: TcpProxy): Promise<{ readonly client: End; readonly peer: End }> {
    const before = served.length;
    const client = await dial(through);
    await waitUntil(() => served.length > before, { ...DEADLINE, what: 'the server takes it' });
    const peer = served.at(-1);
    if (peer === undefined) throw new Error('the server took nothing');
    return { client, peer };
  }

  /** Long enough for whatever could pass to have passed: bytes sent later, past the cut, went there and back. */
  async function othersPass(): Promise<void> {
    const { client, peer } = await connected(uncut);
    for (let round = 0; round < 5; round++) {
      client.socket.write(`ping${round}`);
      await peer.receives(`ping${round}`);
      peer.socket.write(`pong${round}`);
      await client.receives(`pong${round}`);
    }
  }

  it('passes bytes, and the end of either side, in both directions', async () => {
    const { client, peer } = await connected(proxy);
    client.socket.write('there');
    await peer.receives('there');
    peer.socket.end('and back');
    await client.receives('and back');
    await waitUntil(() => client.seen.includes('close'), { ...DEADLINE, what: 'the end arrives' });
  });

  it('gives neither side a byte, an end or a reset while it is cut, and everything in order once it is healed', async () => {
    const { client, peer } = await connected(proxy);
    proxy.cut();
    client.socket.write('from the client');
    peer.socket.write('from the server');
    await othersPass();
    expect([client.received, peer.received]).toEqual(['', '']);
    expect([client.seen, peer.seen]).toEqual([[], []]);
    proxy.heal();
    await peer.receives('from the client');
    await client.receives('from the server');
    expect([client.seen, peer.seen]).toEqual([[], []]);
  });

  it('holds back the rest of a transfer that was under way', async () => {
    const { client, peer } = await connected(proxy);
    const half = 'x'.repeat(4_000_000);
    client.socket.write(half);
    await waitUntil(() => peer.received.length > 0, { ...DEADLINE, what: 'the first bytes arrive' });
    proxy.cut();
    client.socket.write(`${half}end`);
    // What had passed the proxy before it was cut still arrives.
    for (let arrived = -1; arrived !== peer.received.length; await othersPass()) {
      arrived = peer.received.length;
    }
    expect(peer.received.length).toBeLessThanOrEqual(half.length);
    proxy.heal();
    await peer.receives('end');
    expect(peer.received).toBe(`${half}${half}end`);
  });

  it.each(['end', 'destroy', 'resetAndDestroy'] as const)(
    'tells one side of the %s of the other only once it is healed',
    async (how) => {
      const { client, peer } = await connected(proxy);
      proxy.cut();
      client.socket[how]();
      await othersPass();
      expect(peer.seen).toEqual([]);
      proxy.heal();
      await waitUntil(() => peer.seen.includes('close'), { ...DEADLINE, what: 'the server learns of it' });
    },
  );

  it('takes a new connection while it is cut, says nothing, and leads it to the server once it is healed', async () => {
    proxy.cut();
    const client = await dial(proxy);
    client.socket.write('hello');
    await othersPass();
    const before = served.length;
    expect(client.seen).toEqual([]);
    expect(served.map(({ received }) => received)).not.toContain('hello');
    proxy.heal();
    await waitUntil(() => served.length > before, { ...DEADLINE, what: 'the server takes it' });
    await served.at(-1)?.receives('hello');
  });

  it('ends a connection whose server is not there', async () => {
    server.close();
    const client = await dial(proxy);
    await waitUntil(() => client.seen.includes('close'), { ...DEADLINE, what: 'the connection ends' });
    expect(proxy.connections).toBe(0);
  });
});
