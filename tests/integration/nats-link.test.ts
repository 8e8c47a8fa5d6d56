import { createServer, type Server } from 'node:net';
import { describe, expect, it } from 'vitest';
import { LinkClosed, NoResponders, RequestFailed, RequestTimeout, serveNode, statsOf } from '#nats';
import { startTestServer, type TestServer } from '../support/nats-server.ts';
import { bytes, connectTo, describeOnServers, text, until } from './nats-harness.ts';

await describeOnServers('a link', (under) => {
  it('asks and answers, and passes the failure of a handler on', async () => {
    const [server, client] = [await under.link(), await under.link()];
    const end = server.serve('echo.*', async (data, subject) => {
      if (text(data) === 'bad') throw new RangeError('no such thing');
      return bytes(`${subject}:${text(data)}`);
    });
    await server.flush();
    expect(text(await client.request('echo.one', bytes('hi'), 1_000))).toBe('echo.one:hi');
    const failed = await client.request('echo.one', bytes('bad'), 1_000).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(RequestFailed);
    expect(failed).toMatchObject({ code: 500, message: 'echo.one answered 500: RangeError: no such thing' });
    end();
    await server.flush();
    await expect(client.request('echo.one', bytes('hi'), 1_000)).rejects.toThrow(NoResponders);
  });

  it('says when an answer does not come in time', async () => {
    const [server, client] = [await under.link(), await under.link()];
    server.serve('silent', () => new Promise(() => {}));
    await server.flush();
    await expect(client.request('silent', bytes('x'), 50)).rejects.toThrow(RequestTimeout);
  });

  it('deals requests among those who serve with one queue', async () => {
    const [one, two, client] = [await under.link(), await under.link(), await under.link()];
    const counts = [0, 0];
    [one, two].forEach((link, index) => {
      link.serve(
        'shared',
        async () => {
          counts[index] = (counts[index] ?? 0) + 1;
          return bytes('ok');
        },
        { queue: 'q' },
      );
    });
    await Promise.all([one.flush(), two.flush()]);
    await Promise.all(Array.from({ length: 60 }, () => client.request('shared', bytes(''), 1_000)));
    expect((counts[0] ?? 0) + (counts[1] ?? 0)).toBe(60);
    expect(Math.min(...counts)).toBeGreaterThan(5);
  });

  it('hears plain messages with their headers', async () => {
    const [sender, receiver] = [await under.link(), await under.link()];
    const heard: string[] = [];
    const end = receiver.subscribe('news.>', (message) =>
      heard.push(
        `${message.subject} ${text(message.data)} ${message.header('kind')} ${message.header('none')}`,
      ),
    );
    await receiver.flush();
    sender.publishCore('news.a', bytes('1'), { kind: 'k' });
    await until('it is heard', () => heard.length === 1);
    end();
    await receiver.flush();
    sender.publishCore('news.a', bytes('2'));
    await sender.flush();
    await receiver.flush();
    expect(heard).toEqual(['news.a 1 k undefined']);
  });

  it('rejects what is pending when it is closed', async () => {
    const link = await under.link();
    await link.close();
    expect(await link.closed).toBeUndefined();
    await expect(link.publisher.publish({ subject: 'x', data: bytes('') })).rejects.toThrow(LinkClosed);
    await expect(link.request('x', bytes(''), 100)).rejects.toThrow(LinkClosed);
  });

  it('loses an event that is published when it is closed or drained, without an error', async () => {
    const [closed, drained] = [await under.link(), await under.link()];
    await closed.close();
    await drained.drain();
    for (const link of [closed, drained]) expect(() => link.publishCore('x', bytes(''))).not.toThrow();
  });

  it('finds every node of a service with its data, and none where there is none', async () => {
    const client = await under.link();
    const service = `${under.newSystem()}-node`;
    expect(await statsOf(client, service, 200)).toEqual([]);
    const ends = await Promise.all(
      ['b', 'a'].map(async (id) => {
        const link = await under.link();
        const end = serveNode(link, {
          name: service,
          id,
          version: '1.2.3',
          metadata: { role: 'all' },
          statsData: () => ({ depth: id }),
        });
        await link.flush();
        return end;
      }),
    );
    const stats = await statsOf(client, service, 300);
    expect(stats).toMatchObject([
      { id: 'a', name: service, version: '1.2.3', metadata: { role: 'all' }, data: { depth: 'a' } },
      { id: 'b', data: { depth: 'b' } },
    ]);
    const ping = JSON.parse(text(await client.request(`$SRV.PING.${service}.a`, bytes(''), 1_000)));
    expect(ping).toMatchObject({ type: 'io.nats.micro.v1.ping_response', name: service, id: 'a' });
    const info = JSON.parse(text(await client.request(`$SRV.INFO.${service}.b`, bytes(''), 1_000)));
    expect(info.endpoints[0]).toMatchObject({ name: 'stats', subject: `${service}.b.stats` });
    expect(JSON.parse(text(await client.request(`${service}.b.stats`, bytes(''), 1_000)))).toEqual({
      depth: 'b',
    });
    for (const end of ends) end();
  });

  it('knows what the server can do', async () => {
    const link = await under.link();
    expect(link.features.version).toBe(under.server.version);
    const old = link.features.version.startsWith('2.9.');
    expect(link.features.termReason).toBe(!old);
    expect(link.features.degraded.length > 0).toBe(old);
  });
});

describe('a link whose server is away', () => {
  it('drains at once while it connects again, and publishes nothing more', async () => {
    await using server = await startTestServer();
    const link = await connectTo(server);
    // It is to be pending: nobody answers from here on.
    process.kill(server.pid, 'SIGSTOP');
    const pending = link.publisher.publish({ subject: 'x', data: bytes('') });
    const refused = expect(pending).rejects.toThrow(LinkClosed);
    await server.kill();
    await until('it is disconnected', () => !link.connected);
    await link.drain();
    expect(await link.closed).toBeUndefined();
    await refused;
    expect(() => link.publishCore('x', bytes(''))).not.toThrow();
  });

  it('gives a drain up when the server goes away meanwhile', async () => {
    await using server = await startTestServer();
    const link = await connectTo(server);
    process.kill(server.pid, 'SIGSTOP');
    const drained = link.drain(60_000);
    await server.kill();
    await drained;
    expect(await link.closed).toBeUndefined();
  });

  it('gives a drain up after its limit when the server says nothing', async () => {
    await using server = await startTestServer();
    const link = await connectTo(server);
    process.kill(server.pid, 'SIGSTOP');
    await link.drain(50);
    expect(await link.closed).toBeUndefined();
  });

  it('leaves no socket open to one that accepts connections and says nothing', async () => {
    await using server = await startTestServer();
    const link = await connectTo(server);
    await server.kill();
    let open = 0;
    let accepted = 0;
    const mute = createServer((socket) => {
      accepted += 1;
      open += 1;
      socket.on('error', () => {});
      socket.once('close', () => {
        open -= 1;
      });
    });
    await listenInPlaceOf(server, mute);
    await until('it tries to connect again', () => accepted > 0);
    await link.close();
    await until('its socket is closed', () => open === 0);
    mute.close();
  });
});

/** Listens on the server's port, once that is free. */
async function listenInPlaceOf({ url }: TestServer, listener: Server): Promise<void> {
  let isTaken = true;
  listener.on('error', () => {
    isTaken = true;
  });
  await until('the port is free', async () => {
    isTaken = false;
    listener.listen(Number(new URL(url).port), '127.0.0.1');
    await until('the listener has answered', () => listener.listening || isTaken);
    return listener.listening;
  });
}
