import type { NatsConnection } from 'nats';
import { describe, expect, it } from 'vitest';
import { gatherWrites } from '../../../nats/gathered-writes.ts';

/** A connection over a socket that keeps what it is given while it is corked, as Node's does. */
function connection() {
  const calls: string[] = [];
  const transport = {
    socket: { cork: () => calls.push('cork'), uncork: () => calls.push('uncork') },
    send: (frame: Uint8Array) => calls.push(`send ${frame.length}`),
  };
  return { calls, transport, client: { protocol: { transport } } as unknown as NatsConnection };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

describe('gathered writes', () => {
  it('leave together what one turn sends, in order, over any number of promises', async () => {
    const { calls, transport, client } = connection();
    gatherWrites(client);
    transport.send(new Uint8Array(1));
    await Promise.resolve();
    transport.send(new Uint8Array(2));
    await Promise.resolve();
    expect(calls).toEqual(['cork', 'send 1', 'send 2']);
    await nextTurn();
    expect(calls).toEqual(['cork', 'send 1', 'send 2', 'uncork']);
  });

  it('begin anew with the next turn', async () => {
    const { calls, transport, client } = connection();
    gatherWrites(client);
    transport.send(new Uint8Array(1));
    await nextTurn();
    transport.send(new Uint8Array(2));
    await nextTurn();
    expect(calls).toEqual(['cork', 'send 1', 'uncork', 'cork', 'send 2', 'uncork']);
  });

  it('leave a transport without a socket as it is', () => {
    const send = () => {};
    const transport = { send };
    gatherWrites({ protocol: { transport } } as unknown as NatsConnection);
    expect(transport.send).toBe(send);
  });
});
